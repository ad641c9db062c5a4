#!lua flags=allow-oom
-- Finds items of {Q}:held that are the first of all their lines and on no lane,
-- and makes them due: after {Q}:lines was rebuilt, or an item was buried whose
-- lines nobody knows, nobody else would.  Some hundred lines in a call.
-- with held.lua
--
-- ARGV  1 owner  2 the line after which to go on, empty: from the first
--       3 how many
-- Answers {lines looked at, the last of them, 1: something is due}.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

ask()
local last, n, none = ARGV[2], 0, {}
local from = last == '' and '-' or '(' .. last .. '\1'
while n < tonumber(ARGV[3]) do
    local member = redis.call('ZRANGE', KEYS[7], from, '+', 'BYLEX', 'LIMIT', 0, 1)[1]
    local at = member and string.find(member, '\0', 1, true)
    if not at then
        break
    end
    last, n = string.sub(member, 1, at - 1), n + 1
    if string.byte(last) ~= 1 then
        release(none, last)
    end
    from = '(' .. last .. '\1'
end
return {n, last, overflow and 1 or 0}
