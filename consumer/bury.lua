#!lua flags=allow-oom
-- Moves one item from {Q}:inflight to the tail of {Q}:dead, as a letter that
-- says why, and counts it as dead.
--
-- KEYS  1 {Q}:lease  2 {Q}:inflight  3 {Q}:count  4 {Q}:dead
-- ARGV  1 owner  2 field  3 the letter up to its last member, "item":
--       4 that member, where it is not the item itself
-- Answers how many were moved, 1 or 0.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

-- Redis does not roll back: what may be refused is asked before the first move
redis.call('HINCRBY', KEYS[3], 'dead', 0)
redis.call('HDEL', KEYS[2], '')

local item = redis.call('HGET', KEYS[2], ARGV[2])
if not item then
    return 0
end
redis.call('RPUSH', KEYS[4], ARGV[3] .. (ARGV[4] or item) .. '}')
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('HINCRBY', KEYS[3], 'dead', 1)
return 1
