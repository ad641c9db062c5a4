#!lua flags=allow-oom
-- Makes {Q}:lines anew from the envelopes, some hundred in a call; moves no
-- item.  Until it is whole, the member "\2" says that it is not.
-- with held.lua
--
-- ARGV  1 owner  2 which key, 5 {Q}:held or 6 {Q}:retry  3 cursor
-- Answers {key, cursor} of the next call; key 0: done, and how many are in it.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

local which = tonumber(ARGV[2])
local found = redis.call(which == 5 and 'HSCAN' or 'ZSCAN', KEYS[which], ARGV[3], 'COUNT', 200)
local cursor, members = found[1], found[2]

redis.call('ZADD', KEYS[7], 0, '\2')
for i = 1, #members, 2 do
    local field, envelope = members[i], members[i + 1]
    if which == 6 then
        local blank = string.find(field, ' ', 1, true)
        envelope = string.sub(field, blank + 1)
        field = string.sub(field, 1, blank - 1)
    end
    line_up(field, (keys_of(envelope)))
end

if cursor ~= '0' then
    return {which, cursor}
elseif which == 5 then
    return {6, '0'}
end
redis.call('ZREM', KEYS[7], '\2')
return {0, tostring(redis.call('ZCARD', KEYS[7]))}
