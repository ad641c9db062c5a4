#!lua flags=allow-oom
-- Writes down which item is worked alone, before it begins; moves no item.
--
-- KEYS  1 {Q}:lease
-- ARGV  1 owner  2 field, empty: none any more

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end
if ARGV[2] == '' then
    return redis.call('HDEL', KEYS[1], 'alone')
end
return redis.call('HSET', KEYS[1], 'alone', ARGV[2])
