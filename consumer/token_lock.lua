#!lua flags=allow-oom
-- Keeps a lock for longer, or gives it back: only who has it.
--
-- KEYS  1 meta:token:lock:NAME
-- ARGV  1 the mark of who has it  2 ms from now, "0": it is given back
-- Answers 1, or 0: it has gone, or is another's.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
