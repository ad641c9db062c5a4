#!lua flags=allow-oom
-- Gives the lease back, so that another consumer need not wait; moves no item.
--
-- KEYS  1 {Q}:lease
-- ARGV  1 owner

if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
