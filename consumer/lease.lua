#!lua flags=allow-oom
-- Takes the lease of a queue, or renews it; moves no item.
--
-- KEYS  1 {Q}:lease, a hash: owner; until, milliseconds of Redis's clock
-- ARGV  1 who asks  2 for how many milliseconds
-- Answers {"kept" | "taken" | "busy", owner}.  "kept" also after it ran out,
-- as long as nobody else has had it: work of that time may still be acked.
--
-- A lease that ends later than one taken now is of before Redis's clock was
-- set back.  It is cut, not taken over: its holder may be alive and send.

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local latest = now + ARGV[2]
local l = redis.call('HMGET', KEYS[1], 'owner', 'until')
local ends = tonumber(l[2] or 0) or 0
local answer = 'taken'

if l[1] == ARGV[1] then
    answer = 'kept'
elseif l[1] and ends > now then
    if ends > latest then
        redis.call('HSET', KEYS[1], 'until', latest)
    end
    return {'busy', l[1]}
end

redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', latest)
return {answer, ARGV[1]}
