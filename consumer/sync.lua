#!lua flags=allow-oom
-- Tells a consumer that took over, or lost its connection, what there is;
-- moves no item.
-- with held.lua
--
-- KEYS  8 {Q}:seen:key  9 {Q}:seen:count
-- ARGV  1 owner  2 random bytes: the key of dedupe, where there is none yet
-- Answers {places that wait, ms until the next is due, requeued, 1: {Q}:lines
-- is to be rebuilt, since when dedupe remembers (0: no ceiling cut it), its
-- key, fields of {Q}:inflight...}.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

local answer = preface()
local next = redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')
if next[2] then
    answer[2] = math.max(0, tonumber(next[2]) - clock())
end

local waits = next[2] or redis.call('HLEN', KEYS[5]) > 0
answer[4] = (waits and answer[1] == 0 or redis.call('ZSCORE', KEYS[7], '\2')) and 1 or 0
answer[5] = tonumber(redis.call('HGET', KEYS[9], 'since') or 0) or 0

local key = redis.call('GET', KEYS[8])
if not key or #key ~= #ARGV[2] then
    key = ARGV[2]
    redis.call('SET', KEYS[8], key)
end
answer[6] = key

for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    answer[#answer + 1] = field
end
return answer
