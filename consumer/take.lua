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
-- and "u" behind it where it came from {Q}:urgent; one in use is skipped, for
-- the number begins anew when somebody deletes {Q}:count.
--
-- Redis does not roll back a script that it stops (NOPERM, WRONGTYPE, a counter
-- that is no number): what may be refused is asked first, and an item leaves
-- its list last.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end
if redis.call('LLEN', KEYS[6]) >= tonumber(ARGV[4]) then
    return redis.status_reply('FULL')
end

local left, bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local taken, nofit = {}, false

for _, list in ipairs({3, 2}) do
    redis.call('LPOP', KEYS[list], 0)
    while left > 0 and not nofit do
        local item = redis.call('LINDEX', KEYS[list], 0)
        if not item then
            break
        end
        if #item > bytes then
            nofit = true
            break
        end
        if #taken == 0 then
            redis.call('HINCRBY', KEYS[5], 'taken', 0)
        end
        local field
        repeat
            local seq = redis.call('HINCRBY', KEYS[5], 'seq', 1)
            field = string.format('%.0f', seq) .. (list == 3 and 'u' or '')
        until redis.call('HSETNX', KEYS[4], field, item) == 1
        redis.call('HINCRBY', KEYS[5], 'taken', 1)
        redis.call('LPOP', KEYS[list])
        left, bytes = left - 1, bytes - #item
        taken[#taken + 1] = field
        taken[#taken + 1] = item
    end
end

if #taken == 0 and nofit then
    return redis.status_reply('NOFIT')
end
return taken
