#!lua flags=allow-oom
-- Removes tokens.
--
-- KEYS  1 meta:token:names  2 meta:token:changed  3 meta:token:version
--       4 meta:accounts  then meta:token:NAME, any number
-- ARGV  for each NAME, and what meta:accounts gets of it, empty: nothing
-- Answers how many there were.

local ACCOUNTS, CHANGED = 10000, 1000
local call = redis.call

for _, right in ipairs({{'DEL', 5}, {'SREM', 1, ''}, {'ZADD', 2, '1', ''},
    {'ZREMRANGEBYRANK', 2, '0', '0'}, {'INCR', 3}, {'RPUSH', 4, ''}, {'LTRIM', 4, '0', '0'},
    {'SCARD', 1}, {'ZCARD', 2}, {'GET', 3}, {'LLEN', 4}})
do
    local command, key = right[1], KEYS[right[2]]
    if redis.acl_check_cmd(command, key, unpack(right, 3)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. command .. ' on ' .. key)
    end
end

-- nor does a key of another type let it stop in the middle
call('SCARD', KEYS[1])
call('ZCARD', KEYS[2])
call('LLEN', KEYS[4])
if not tonumber(call('GET', KEYS[3]) or 0) then
    return redis.error_reply('WRONGTYPE ' .. KEYS[3] .. ' is no number')
end

local removed = 0

for i = 5, #KEYS do
    local name, event = ARGV[2 * (i - 4) - 1], ARGV[2 * (i - 4)]
    local there = call('DEL', KEYS[i]) + call('SREM', KEYS[1], name) > 0
    if there then
        removed = removed + 1
        call('ZADD', KEYS[2], call('INCR', KEYS[3]), name)
        if event ~= '' then
            call('RPUSH', KEYS[4], event)
        end
    end
end

call('ZREMRANGEBYRANK', KEYS[2], 0, -CHANGED - 1)
call('LTRIM', KEYS[4], -ACCOUNTS, -1)

return removed
