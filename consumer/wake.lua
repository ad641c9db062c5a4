#!lua flags=allow-oom
-- Moves the oldest items of a lane from {Q}:held back to {Q}:inflight; those
-- that find no room there become due.
-- with held.lua
--
-- ARGV  1 owner  2 how many at most  3 bytes at most  4 the lane, "\1" and its
--       name  5 how many are to come back
-- Answers {places that wait, 0: something is due, requeued, field, item, state,
-- crashes, 0, ...}.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

ask()
room, bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local back = {}
for _ = 1, tonumber(ARGV[5]) do
    local field = first(ARGV[4])
    if not field then
        break
    end
    local envelope = redis.call('HGET', KEYS[5], field)
    if envelope then
        come_back(back, field, envelope)
    else
        redis.call('ZREM', KEYS[7], place(ARGV[4], field))
    end
end

local answer = preface()
answer[2] = overflow and 0 or -1
for k = 1, #back do
    answer[3 + k] = back[k]
end
return answer
