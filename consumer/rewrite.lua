#!lua flags=allow-oom
-- Writes an item that stands in {Q}:inflight anew, where it stands: the same,
-- but for a secret that was taken out of it.  It is not counted, and keeps its
-- place, its state and its crashes.
--
-- KEYS  1 {Q}:lease  2 {Q}:inflight
-- ARGV  1 owner  2 its field  3 its record
-- Answers 1, or 0: it is not there.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then
    return 0
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
