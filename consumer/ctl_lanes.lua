#!lua flags=no-writes
-- On which lanes items wait, and how many on each; moves nothing.
--
-- KEYS  1 {Q}:lines
-- ARGV  1 how many lanes at most
-- Answers {lane, how many, ...}: a member of {Q}:lines is key "\0" number, and
-- a key that begins with "\1" is a lane.

if redis.acl_check_cmd('ZRANGE', KEYS[1], '0', '0') ~= true
    or redis.acl_check_cmd('ZLEXCOUNT', KEYS[1], '-', '+') ~= true
then
    return redis.error_reply('NOPERM the user may not run ZRANGE or ZLEXCOUNT on ' .. KEYS[1])
end

local answer, from = {}, '[\1'
while #answer < 2 * ARGV[1] do
    local member = redis.call('ZRANGE', KEYS[1], from, '(\2', 'BYLEX', 'LIMIT', 0, 1)[1]
    if not member then
        break
    end
    local lane = string.match(member, '^%Z*')
    answer[#answer + 1] = string.sub(lane, 2)
    answer[#answer + 1] = redis.call('ZLEXCOUNT', KEYS[1], '[' .. lane .. '\0', '(' .. lane .. '\1')
    from = '(' .. lane .. '\1'
end
return answer
