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

local n = 0
for i = 2, #ARGV do
    local item = redis.call('HGET', KEYS[2], ARGV[i])
    if item then
        redis.call('RPUSH', KEYS[4], item)
        redis.call('HDEL', KEYS[2], ARGV[i])
        n = n + 1
    end
end
if n > 0 then
    redis.call('HINCRBY', KEYS[3], 'unmatched', n)
end
return n
