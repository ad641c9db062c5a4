#!lua flags=allow-oom
-- Remembers in which list the letter of an ambiguous send is, by what a status
-- would name, and forgets the oldest ones; moves no item.
--
-- KEYS  1 meta:message:ambiguous, a hash: what Meta gives back -> the list
--       2 meta:message:ambiguous:since, a sorted set: the same, by time
-- ARGV  1 for how many ms  2 how many at most  3 a new one, empty: none  4 its
--       list
-- Answers {how many there are, name, list, ...} of those that were forgotten, a
-- hundred at a time.

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

if ARGV[3] ~= '' then
    redis.call('ZADD', KEYS[2], now, ARGV[3])
    redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
end

local old = redis.call('ZRANGE', KEYS[2], '-inf', now - ARGV[1], 'BYSCORE', 'LIMIT', 0, 100)
local many = math.min(redis.call('ZCARD', KEYS[2]) - ARGV[2], 100)
if many > #old then
    old = redis.call('ZRANGE', KEYS[2], 0, many - 1)
end

local answer = {0}
for _, name in ipairs(old) do
    answer[#answer + 1] = name
    answer[#answer + 1] = redis.call('HGET', KEYS[1], name) or ''
    redis.call('HDEL', KEYS[1], name)
    redis.call('ZREM', KEYS[2], name)
end
answer[1] = redis.call('HLEN', KEYS[1])
return answer
