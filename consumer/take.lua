#!lua flags=allow-oom
-- Moves items from the head of {Q}:urgent, then of Q, to {Q}:inflight, and
-- counts them as taken.
--
-- KEYS  1 {Q}:lease  2 Q  3 {Q}:urgent  4 {Q}:inflight  5 {Q}:count  6 {Q}:dead
--       7 {Q}:lines  8 {Q}:held  9 {Q}:state  10 {Q}:retry
-- ARGV  1 owner  2 how many at most  3 how many bytes at most  4 ceiling of
--       {Q}:dead  5 of {Q}:held and {Q}:retry together
-- Answers {places that wait, requeued, field, item, ...}, or a status: FULL N,
-- nothing is taken while N are dead; WAITING N, or wait; NOFIT, the next item is
-- larger than the bytes that are left; LINES, {Q}:lines is gone and to be
-- rebuilt.
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
local dead = redis.call('LLEN', KEYS[6])
if dead >= tonumber(ARGV[4]) then
    return redis.status_reply(string.format('FULL %.0f', dead))
end
local aside = redis.call('HLEN', KEYS[8]) + redis.call('ZCARD', KEYS[10])
if aside >= tonumber(ARGV[5]) then
    return redis.status_reply(string.format('WAITING %.0f', aside))
end

local waiting = redis.call('ZCARD', KEYS[7])
if waiting == 0 and redis.call('HLEN', KEYS[8]) > 0 then
    return redis.status_reply('LINES')
end

local requeued = tonumber(redis.call('HGET', KEYS[9], 'requeued') or 0) or 0
local left, bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local taken, nofit, parted = {waiting, requeued > 0 and 1 or 0}, false, false

redis.call('LPOP', KEYS[2], 0)
redis.call('LPOP', KEYS[3], 0)

-- n numbers that nobody has
local function numbers(n, suffix)
    local free = {}
    while #free < n do
        local missing, fields = n - #free, {}
        local seq = redis.call('HINCRBY', KEYS[5], 'seq', missing)
        for i = 1, missing do
            fields[i] = string.format('%.0f', seq - missing + i) .. suffix
        end
        local flying = redis.call('HMGET', KEYS[4], unpack(fields))
        local held = redis.call('HMGET', KEYS[8], unpack(fields))
        for i, field in ipairs(fields) do
            if not flying[i] and not held[i] then
                free[#free + 1] = field
            end
        end
    end
    return free
end

-- a change with several elements, whose key ends in ":", is the last of a call:
-- its parts get the next numbers (parts.lua)
local function several(item)
    local at = string.find(item, '"key":"', 1, true)
    local ends = at and string.find(item, '"', at + 7, true)
    return ends and string.sub(item, ends - 1, ends - 1) == ':'
end

-- so many at a time: few calls, and never much of what has no room
local AT_ONCE = 16

for _, list in ipairs({3, 2}) do
    local more = true
    while more and left > 0 and not nofit and not parted do
        local items = redis.call('LRANGE', KEYS[list], 0, math.min(left, AT_ONCE) - 1)
        local n, fresh = 0, {}
        more = #items == AT_ONCE
        while n < #items and #items[n + 1] <= bytes and not parted do
            n = n + 1
            bytes = bytes - #items[n]
            parted = several(items[n])
        end
        nofit = n < #items and not parted
        if n > 0 then
            redis.call('HINCRBY', KEYS[5], 'taken', 0)
            for i, field in ipairs(numbers(n, list == 3 and 'u' or '')) do
                fresh[2 * i - 1], fresh[2 * i] = field, items[i]
                taken[#taken + 1] = field
                taken[#taken + 1] = items[i]
            end
            redis.call('HSET', KEYS[4], unpack(fresh))
            redis.call('HINCRBY', KEYS[5], 'taken', n)
            redis.call('LPOP', KEYS[list], n)
            left = left - n
        end
    end
end

if #taken == 2 and nofit then
    return redis.status_reply('NOFIT')
end
return taken
