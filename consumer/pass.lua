#!lua flags=allow-oom
-- Moves items that no rule matched from {Q}:inflight to the tail of a list of
-- the user's own, and counts them as unmatched.
--
-- KEYS  1 {Q}:lease  2 {Q}:inflight  3 {Q}:count  4 the list
-- ARGV  1 owner  2... fields
-- Answers how many there were.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

-- Redis does not roll back: what may be refused is asked before the first move
redis.call('HINCRBY', KEYS[3], 'unmatched', 0)
redis.call('HDEL', KEYS[2], '')

local n = 0
for i = 2, #ARGV do
    local item = redis.call('HGET', KEYS[2], ARGV[i])
    if item then
        redis.call('RPUSH', KEYS[4], item)
        redis.call('HDEL', KEYS[2], ARGV[i])
        redis.call('HINCRBY', KEYS[3], 'unmatched', 1)
        n = n + 1
    end
end
return n
