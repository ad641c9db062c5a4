#!lua flags=allow-oom
-- Puts in the place of an item that has just been taken several of its parts,
-- each a record of its own, and counts them as taken instead.  Nobody was taken
-- since, so that with new numbers they stand where it stood.
--
-- KEYS  1 {Q}:lease  2 {Q}:inflight  3 {Q}:count  4 {Q}:state  5 {Q}:held
-- ARGV  1 owner  2 its field  3 "r:" digest of its record, empty: nothing was
--       requeued  4... their records, in order
-- Answers their fields; or a status: WHOLE, it stays as it is, for a requeue
-- has put back how far it was; GONE, it is not there.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then
    return redis.status_reply('GONE')
end
if ARGV[3] ~= '' and redis.call('HEXISTS', KEYS[4], ARGV[3]) == 1 then
    return redis.status_reply('WHOLE')
end

-- Redis does not roll back: what may be refused is asked before the first move
redis.call('HDEL', KEYS[2], '')
redis.call('HDEL', KEYS[4], '')
redis.call('HEXISTS', KEYS[5], '')
for _, counter in ipairs({'taken', 'parts', 'seq'}) do
    redis.call('HINCRBY', KEYS[3], counter, 0)
end

local suffix = string.sub(ARGV[2], -1) == 'u' and 'u' or ''
local fields, new, n = {}, {}, #ARGV - 3
while #fields < n do
    local field = string.format('%.0f', redis.call('HINCRBY', KEYS[3], 'seq', 1)) .. suffix
    if redis.call('HEXISTS', KEYS[2], field) + redis.call('HEXISTS', KEYS[5], field) == 0 then
        fields[#fields + 1] = field
        new[#new + 1] = field
        new[#new + 1] = ARGV[#fields + 3]
    end
end

redis.call('HSET', KEYS[2], unpack(new))
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[2], 'c' .. ARGV[2])
redis.call('HINCRBY', KEYS[3], 'taken', n - 1)
redis.call('HINCRBY', KEYS[3], 'parts', n - 1)
return fields
