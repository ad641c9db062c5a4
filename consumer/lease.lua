#!lua flags=allow-oom
-- Takes the lease of a queue, or renews it; moves no item.
--
-- KEYS  1 {Q}:lease, a hash: owner; until, milliseconds of Redis's clock;
--       alone, the item that is worked alone
--       2 {Q}:inflight  3 {Q}:state
-- ARGV  1 who asks  2 for how many milliseconds
-- Answers {"kept" | "taken" | "busy", owner}.  "kept" also after it ran out,
-- as long as nobody else has had it: work of that time may still be acked.
--
-- A lease that ends later than one taken now is of before Redis's clock was
-- set back.  It is cut, not taken over: its holder may be alive and send.
--
-- Who had it and did not give it back is taken for dead: what he had in flight
-- gets one crash more, in {Q}:state as "c" field -> crashes " " owners, the last
-- one first.  Had he an item alone, only that one, and one "!" more behind its
-- number: it is poison, and at two of them nobody looks at it any more.
-- "crashed" -> owner fields, "!" before one that was alone, for amends.lua.

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local latest = now + ARGV[2]
local l = redis.call('HMGET', KEYS[1], 'owner', 'until', 'alone')
local ends = tonumber(l[2] or 0) or 0

if l[1] == ARGV[1] then
    redis.call('HSET', KEYS[1], 'until', latest)
    return {'kept', ARGV[1]}
end
if l[1] and ends > now then
    if ends > latest then
        redis.call('HSET', KEYS[1], 'until', latest)
    end
    return {'busy', l[1]}
end

redis.call('HDEL', KEYS[1], '')  -- if refused, nothing was counted yet
if l[1] then
    local alone = l[3] and redis.call('HEXISTS', KEYS[2], l[3]) == 1
    local fields = alone and {l[3]} or redis.call('HKEYS', KEYS[2])
    if #fields > 0 then
        redis.call('HSET', KEYS[3], 'crashed',
            l[1] .. (alone and ' !' or ' ') .. table.concat(fields, ' '))
    end
    for _, field in ipairs(fields) do
        local c = redis.call('HGET', KEYS[3], 'c' .. field) or '0'
        local n, marks, owners = string.match(c, '^(%d+)(!*) ?(.*)$')
        owners = string.match(owners or '', '^%S+ %S+ %S+') or owners or ''
        redis.call('HSET', KEYS[3], 'c' .. field, string.format('%d%s%s %s', (n or 0) + 1,
            marks or '', alone and '!' or '', l[1] .. (owners ~= '' and ' ' .. owners or '')))
    end
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', latest)
redis.call('HDEL', KEYS[1], 'alone')
return {'taken', ARGV[1]}
