#!lua flags=allow-oom
-- Takes back the crashes that were counted for an owner who was alive and has
-- only lost his lease; moves no item, and needs no lease.
--
-- KEYS  1 {Q}:state
-- ARGV  1 the owner that was taken for dead
-- Answers how many there were.

local crashed = redis.call('HGET', KEYS[1], 'crashed')
local owner, fields = string.match(crashed or '', '^(%S+) (.*)$')
if owner ~= ARGV[1] then
    return 0
end

redis.call('HDEL', KEYS[1], 'crashed')
local n = 0
for alone, field in string.gmatch(fields, '(!?)(%S+)') do
    local crashes, marks, by, others = string.match(
        redis.call('HGET', KEYS[1], 'c' .. field) or '', '^(%d+)(!*) (%S+)(.*)$')
    if by == owner and tonumber(crashes) > 1 then
        redis.call('HSET', KEYS[1], 'c' .. field, (crashes - 1)
            .. string.sub(marks, #alone + 1) .. (others ~= '' and others or ' ' .. owner))
        n = n + 1
    elseif by == owner then
        redis.call('HDEL', KEYS[1], 'c' .. field)
        n = n + 1
    end
end
return n
