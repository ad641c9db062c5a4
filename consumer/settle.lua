#!lua flags=allow-oom
-- Takes a letter of an ambiguous send out of {Q}:dead, because a status or an
-- echo has named it: the send is done.  What is left to do goes to the tail of
-- Q, as a requeue does it; where nothing is left, it counts as worked.
--
-- KEYS  1 {Q}:dead  2 {Q}:state  3 {Q}:count  4 Q  5 the list of results
-- ARGV  1 "ref:" and what Meta gave back  2 what {Q}:state has for it: the
--       length of the letter's head, " ", the letter  3 where the letter begins
--       4 the state of what is left, empty: nothing  5 "r:" and the digest of
--       the record  6 the record  7 the result, empty: nobody wants one
--       8 for how long the list of results stays, in ms, 0: no end
-- Answers 1, or 0: somebody has settled, requeued or dropped it.

if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then
    return 0
end

-- Redis does not roll back: what may be refused is asked before the first move
for _, counter in ipairs({'dead', 'taken', 'worked'}) do
    redis.call('HINCRBY', KEYS[3], counter, 0)
end
redis.call('HINCRBY', KEYS[2], 'requeued', 0)
redis.call('HDEL', KEYS[2], '')
redis.call('HSET', KEYS[2], '', '')
redis.call('HDEL', KEYS[2], '')
redis.call('LLEN', KEYS[1])
redis.call('LLEN', KEYS[4])
local none = KEYS[1] .. ':none'
redis.call('LREM', none, 0, '')
redis.call('RPUSH', none, '')
redis.call('LREM', none, 0, '')
if ARGV[7] ~= '' then
    redis.call('LTRIM', KEYS[5], 0, -1)
    redis.call('PEXPIRE', none, 1)
end

if redis.call('LREM', KEYS[1], -1, string.sub(ARGV[2], ARGV[3])) == 0 then
    redis.call('HDEL', KEYS[2], ARGV[1])
    return 0
end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[3], 'dead', -1)

if ARGV[4] == '' then
    redis.call('HINCRBY', KEYS[3], 'worked', 1)
else
    if redis.call('HSET', KEYS[2], ARGV[5], ARGV[4]) == 1 then
        redis.call('HINCRBY', KEYS[2], 'requeued', 1)
    end
    redis.call('RPUSH', KEYS[4], ARGV[6])
    redis.call('HINCRBY', KEYS[3], 'taken', -1)
end
if ARGV[7] ~= '' then
    redis.call('RPUSH', KEYS[5], ARGV[7])
    redis.call('LTRIM', KEYS[5], -10000, -1)
    if tonumber(ARGV[8]) > 0 then
        redis.call('PEXPIRE', KEYS[5], ARGV[8])
    end
end
return 1
