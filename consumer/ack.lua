#!lua flags=allow-oom
-- Removes items whose work is done from {Q}:inflight and counts them.
--
-- KEYS  1 {Q}:lease  2 {Q}:inflight  3 {Q}:count
-- ARGV  1 owner  2 which counter (worked, unmatched)  3... fields
-- Answers how many there were: a second ack of the same item counts nothing.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

redis.call('HINCRBY', KEYS[3], ARGV[2], 0)  -- if refused, nothing moved yet
local n = redis.call('HDEL', KEYS[2], unpack(ARGV, 3))
if n > 0 then
    redis.call('HINCRBY', KEYS[3], ARGV[2], n)
end
return n
