#!lua flags=allow-oom
-- Moves items from the head of {Q}:urgent, then of Q, to {Q}:inflight, and
-- counts them as taken.
--
-- KEYS  1 {Q}:lease  2 Q  3 {Q}:urgent  4 {Q}:inflight  5 {Q}:count  6 {Q}:dead
-- ARGV  1 owner  2 how many at most  3 how many bytes at most  4 ceiling of
--       {Q}:dead
-- Answers {field, item, ...}, or a status: FULL, nothing is taken while so
-- many are dead; NOFIT, the next item is larger than the bytes that are left.
--
-- {Q}:inflight is a hash, so that an ack costs the same however much is in
-- flight.  A field is the item's number, which only grows ("seq" in {Q}:count),
-- and "u" behind it where it came from {Q}:urgent.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end
if redis.call('LLEN', KEYS[6]) >= tonumber(ARGV[4]) then
    return redis.status_reply('FULL')
end

local left, bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local seq = tonumber(redis.call('HGET', KEYS[5], 'seq') or 0)
local taken, nofit = {}, false

for _, list in ipairs({3, 2}) do
    while left > 0 and not nofit do
        local item = redis.call('LPOP', KEYS[list])
        if not item then
            break
        end
        if #item > bytes then
            redis.call('LPUSH', KEYS[list], item)
            nofit = true
            break
        end
        seq, left, bytes = seq + 1, left - 1, bytes - #item
        local field = string.format('%.0f', seq) .. (list == 3 and 'u' or '')
        redis.call('HSET', KEYS[4], field, item)
        taken[#taken + 1] = field
        taken[#taken + 1] = item
    end
end

if #taken > 0 then
    redis.call('HINCRBY', KEYS[5], 'seq', #taken / 2)
    redis.call('HINCRBY', KEYS[5], 'taken', #taken / 2)
elseif nofit then
    return redis.status_reply('NOFIT')
end
return taken
