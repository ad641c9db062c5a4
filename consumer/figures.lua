#!lua flags=no-writes,allow-oom
-- Moves nothing: how much of a queue stands where, all at one moment.
--
-- KEYS  1 Q  2 {Q}:urgent  3 {Q}:inflight  4 {Q}:held  5 {Q}:retry  6 {Q}:dead
--       7 {Q}:count
-- Answers {list, urgent, in flight, held, retry, dead, taken, worked,
-- duplicate, unmatched, expired, dropped, age of the head of the list}, the age
-- in seconds, -1 where the list is empty or its head says no received_at.

local function number(key, field)
    return tonumber(redis.call('HGET', key, field) or 0) or 0
end

local figures = {
    redis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2]),
    redis.call('HLEN', KEYS[3]), redis.call('HLEN', KEYS[4]),
    redis.call('ZCARD', KEYS[5]), redis.call('LLEN', KEYS[6])
}
for _, field in ipairs({'taken', 'worked', 'duplicate', 'unmatched', 'expired',
                        'dropped'}) do
    figures[#figures + 1] = number(KEYS[7], field)
end

local age = -1
local head = redis.call('LINDEX', KEYS[1], 0)
if head then
    -- inside of a string the quotes would have a backslash before them
    local at = string.match(head, '"received_at":(%d+)')
    if at then
        local now = redis.call('TIME')
        age = math.max(0, now[1] - math.floor(at / 1000))
    end
end
figures[#figures + 1] = age
return figures
