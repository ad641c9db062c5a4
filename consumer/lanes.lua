#!lua flags=allow-oom
-- Names the lanes on which items wait, some hundred in a call; moves no item.
-- with held.lua
--
-- ARGV  1 owner  2 the lane after which to go on, empty: from the first
--       3 how many
-- Answers them, each with "\1" before it.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

local found, from = {}, ARGV[2] == '' and '[\1' or '(' .. ARGV[2] .. '\1'
while #found < tonumber(ARGV[3]) do
    local member = redis.call('ZRANGE', KEYS[7], from, '(\2', 'BYLEX', 'LIMIT', 0, 1)[1]
    if not member then
        break
    end
    local lane = string.sub(member, 1, string.find(member, '\0', 1, true) - 1)
    found[#found + 1] = lane
    from = '(' .. lane .. '\1'
end
return found
