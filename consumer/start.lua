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

local answer, at, ids, whole, n = {}, {}, {}, {}, 0
local sub, byte, char, find = string.sub, string.byte, string.char, string.find

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
        n = n + 1
        at[n] = #answer
        whole[n] = sub(ARGV[i + 2], j, j + 9)
        ids[n] = sub(whole[n], 2)
    end
end
if n == 0 then
    return answer
end

-- the fields in which they are, of buckets of so many bits, each field once: who
-- signs chooses ids, and may choose the same again and again
local names = {}
local function names_of(bits)
    if not names[bits] then
        local list, place, of, step = {}, {}, {}, 2 ^ (16 - bits)
        for i = 1, n do
            local first, second = byte(whole[i], 1, 2)
            local name = char(first, second - second % step)
            if not place[name] then
                list[#list + 1] = name
                place[name] = #list
            end
            of[i] = place[name]
        end
        names[bits] = {list, of}
    end
    return names[bits][1], names[bits][2]
end

local oldest = math.floor(redis.call('TIME')[1] / 86400) - 8
local seen = {}
for _, bucket in ipairs(redis.call('HKEYS', KEYS[4])) do
    local day, bits = string.match(bucket, '^(%d+)%.%d+%.(%d+)$')
    if day and tonumber(day) >= oldest then
        local fields, of = names_of(tonumber(bits))
        local values = {}
        for from = 1, #fields, 1000 do
            local found = redis.call('HMGET', KEYS[3] .. bucket,
                unpack(fields, from, math.min(from + 999, #fields)))
            for i, value in ipairs(found) do
                values[from + i - 1] = value
            end
        end
        for i = 1, n do
            local value = not seen[i] and values[of[i]]
            local where = value and find(value, ids[i], 1, true)
            while where and where % 9 ~= 1 do
                where = find(value, ids[i], where + 1, true)
            end
            seen[i] = seen[i] or where
        end
    end
end
local known = {}
for i = 1, n do
    local digits = known[at[i]] or {}
    digits[#digits + 1] = seen[i] and '1' or '0'
    known[at[i]] = digits
end
for which, digits in pairs(known) do
    answer[which] = table.concat(digits)
end
return answer
