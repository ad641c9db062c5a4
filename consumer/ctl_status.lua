#!lua flags=no-writes
-- How one queue stands, all of it at one moment; moves nothing.
--
-- KEYS  1 Q  2 {Q}:urgent  3 {Q}:inflight  4 {Q}:held  5 {Q}:retry  6 {Q}:dead
--       7 {Q}:lease  8 {Q}:count  9 {Q}:kept  10 {Q}:seen:count
-- Answers {now, Q, urgent, inflight, held, retry, dead, kept, when the oldest
-- of Q came or nil, when the next of retry is due or nil, since when dedupe
-- remembers or nil, {owner, until, alone}, {name, count, ...}}.

local needs = {
    {'LLEN', KEYS[1]}, {'HLEN', KEYS[3]}, {'ZCARD', KEYS[5]}, {'LINDEX', KEYS[1], '0'},
    {'ZRANGE', KEYS[5], '0', '0'}, {'HGETALL', KEYS[10]}, {'HMGET', KEYS[7], 'owner'},
    {'HGETALL', KEYS[8]}, {'TIME'},
}
for _, c in ipairs(needs) do
    if redis.acl_check_cmd(unpack(c)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. c[1] .. ' on ' .. (c[2] or ''))
    end
end

local t = redis.call('TIME')
local oldest, due, seen = false, false, false

local head = redis.call('LINDEX', KEYS[1], 0)
if head then
    oldest = string.match(string.sub(head, 1, 2560), '"received_at":(%d+)') or false
end
local next_due = redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')[2]
if next_due then
    due = string.format('%.0f', tonumber(next_due))
end
-- buckets "day.part.bits"; older ones have expired
local buckets, since = redis.call('HGETALL', KEYS[10]), 0
for i = 1, #buckets, 2 do
    local day = tonumber(string.match(buckets[i], '^%d+'))
    if buckets[i] == 'since' then
        since = tonumber(buckets[i + 1]) or 0
    elseif day and day >= math.floor(t[1] / 86400) - 8 then
        seen = math.min(seen or day * 86400000, day * 86400000)
    end
end
seen = seen and string.format('%.0f', math.max(seen, since))

return {
    string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)),
    redis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2]), redis.call('HLEN', KEYS[3]),
    redis.call('HLEN', KEYS[4]), redis.call('ZCARD', KEYS[5]), redis.call('LLEN', KEYS[6]),
    redis.call('ZCARD', KEYS[9]), oldest, due, seen,
    redis.call('HMGET', KEYS[7], 'owner', 'until', 'alone'), redis.call('HGETALL', KEYS[8]),
}
