#!lua flags=allow-oom
-- Says that a consumer is alive, and reads who else is; moves no item.
--
-- KEYS  1 meta:consumers, a hash: id -> what it says of itself, a JSON object
--       whose last member, "until", is in milliseconds of Redis's clock
--       2... NAME:partitions of its queues
-- ARGV  1 id  2 the object, without "until"  3 for how many milliseconds; 0: it
--       leaves  4 how many at most are answered
-- Answers {{what those keys hold, ...}, {id, object, ...}}, the objects of all
-- that live, in the order of their ids.  Those whose time is over are deleted; who has more
-- than one has now is of before the clock was set back, and is cut.

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

if ARGV[3] == '0' then
    redis.call('HDEL', KEYS[1], ARGV[1])
    return {}
end

local latest = now + ARGV[3]
redis.call('HSET', KEYS[1], ARGV[1], string.sub(ARGV[2], 1, -2)
    .. string.format(',"until":%.0f}', latest))

local all = redis.call('HGETALL', KEYS[1])
local ids, entries = {}, {}
for i = 1, #all, 2 do
    local id, entry = all[i], all[i + 1]
    local ends = tonumber(string.match(entry, '"until":(%d+)}$') or 0)
    if ends > latest then
        -- no pattern from anywhere: it would look at each digit of a long row
        local digits = string.match(entry, '"until":(%d+)}$')
        entry = string.sub(entry, 1, -#digits - 2) .. string.format('%.0f}', latest)
        redis.call('HSET', KEYS[1], id, entry)
    end
    if ends > now then
        ids[#ids + 1] = id
        entries[id] = entry
    else
        redis.call('HDEL', KEYS[1], id)
    end
end
table.sort(ids)

local partitions = {}
for i = 2, #KEYS do
    local n = redis.pcall('GET', KEYS[i])
    partitions[i - 1] = type(n) == 'string' and n
end

local answer = {}
for i = 1, math.min(#ids, tonumber(ARGV[4])) do
    answer[#answer + 1] = ids[i]
    answer[#answer + 1] = entries[ids[i]]
end
return {partitions, answer}
