#!lua flags=allow-oom
-- Looks whether items that are about to begin were seen before, and gives them
-- the state that a requeue has put back for them; moves no item.
--
-- KEYS  1 {Q}:lease  2 {Q}:state  3 {Q}:seen:  4 {Q}:seen:count
-- ARGV  1 owner  2... for each item: field; "r:" digest of its record, empty:
--       nothing was requeued; its ids of 10 bytes each, one behind another
-- Answers for each: its state; or the digits 0 and 1, one for each of its ids,
-- 1: seen.  {Q}:seen:count has the buckets that exist, "day" or "day.part".

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

local answer, at, names, ids = {}, {}, {}, {}

redis.call('HDEL', KEYS[2], '')
for i = 2, #ARGV, 3 do
    local state = ARGV[i + 1] ~= '' and redis.call('HGET', KEYS[2], ARGV[i + 1])
    if not state and ARGV[i + 1] ~= '' then
        state = redis.call('HGET', KEYS[2], ARGV[i])    -- it was, and nobody heard it
    elseif state then
        redis.call('HINCRBY', KEYS[2], 'requeued', 0)
        redis.call('HSET', KEYS[2], ARGV[i], state)
        redis.call('HDEL', KEYS[2], ARGV[i + 1])
        redis.call('HINCRBY', KEYS[2], 'requeued', -1)
    end
    answer[#answer + 1] = state or ''
    for j = 1, state and 0 or #ARGV[i + 2], 10 do
        at[#at + 1] = #answer
        names[#names + 1] = string.sub(ARGV[i + 2], j, j + 1)
        ids[#ids + 1] = string.sub(ARGV[i + 2], j + 2, j + 9)
    end
end
if #ids == 0 then
    return answer
end

local oldest = math.floor(redis.call('TIME')[1] / 86400) - 8
local seen = {}
for _, bucket in ipairs(redis.call('HKEYS', KEYS[4])) do
    if (tonumber(string.match(bucket, '^%d+')) or 0) >= oldest then
        for from = 1, #names, 1000 do
            local found = redis.call('HMGET', KEYS[3] .. bucket,
                unpack(names, from, math.min(from + 999, #names)))
            for i, values in ipairs(found) do
                local id = ids[from + i - 1]
                local where = values and string.find(values, id, 1, true)
                while where and where % 8 ~= 1 do
                    where = string.find(values, id, where + 1, true)
                end
                seen[from + i - 1] = seen[from + i - 1] or where
            end
        end
    end
end
local known = {}
for i = 1, #ids do
    known[at[i]] = known[at[i]] or {}
    table.insert(known[at[i]], seen[i] and '1' or '0')
end
for n, digits in pairs(known) do
    answer[n] = table.concat(digits)
end
return answer
