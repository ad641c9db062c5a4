#!lua flags=allow-oom
-- Puts items that nobody began to work back from {Q}:inflight to the head of
-- the list that each came from, and takes them off the taken ones.
--
-- KEYS  1 {Q}:lease  2 Q  3 {Q}:urgent  4 {Q}:inflight  5 {Q}:count
--       6 {Q}:state
-- ARGV  1 owner  2... fields, in the order in which they were taken
-- Answers how many there were.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

-- Redis does not roll back: what may be refused is asked before the first move
redis.call('HINCRBY', KEYS[5], 'taken', 0)
redis.call('LLEN', KEYS[2])
redis.call('LLEN', KEYS[3])
redis.call('HDEL', KEYS[4], '')
redis.call('HDEL', KEYS[6], '')

local n = 0
for i = #ARGV, 2, -1 do
    local item = redis.call('HGET', KEYS[4], ARGV[i])
    if item then
        local urgent = string.sub(ARGV[i], -1) == 'u'
        redis.call('LPUSH', KEYS[urgent and 3 or 2], item)
        redis.call('HDEL', KEYS[4], ARGV[i])
        redis.call('HDEL', KEYS[6], ARGV[i], 'c' .. ARGV[i])
        redis.call('HINCRBY', KEYS[5], 'taken', -1)
        n = n + 1
    end
end
return n
