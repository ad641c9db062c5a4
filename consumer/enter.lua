#!lua flags=allow-oom
-- Moves to {Q}:held those items of {Q}:inflight in one of whose lines an older
-- one waits.
-- with held.lua
--
-- ARGV  1 owner  2... for each item, in order of their numbers: field, the head
--       of its envelope
-- Answers {places that wait, fields that were moved...}.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

ask()
local moved = {}
for i = 2, #ARGV, 2 do
    local field, keys = ARGV[i], keys_of(ARGV[i + 1])
    local stays = behind(field, keys)
    local record = stays and redis.call('HGET', KEYS[2], field)
    if record then
        redis.call('HSET', KEYS[5], field, ARGV[i + 1] .. record)
        redis.call('HDEL', KEYS[2], field)
        line_up(field, keys)
    end
    if stays then
        moved[#moved + 1] = field
    end
end
table.insert(moved, 1, redis.call('ZCARD', KEYS[7]))
return moved
