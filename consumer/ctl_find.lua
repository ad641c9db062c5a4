#!lua flags=no-writes
-- Items of a list, hash or sorted set that hold a text; moves nothing.
--
-- KEYS  1 where to look
-- ARGV  1 where to begin: an index, or a cursor  2 how many to look at
--       3 the text  4 how many bytes to answer at most (and the last item)
-- Answers {where to go on or "", how many were read, {field or index, score or
-- "", item, ...}}.

if redis.acl_check_cmd('TYPE', KEYS[1]) ~= true then
    return redis.error_reply('NOPERM the user may not run TYPE on ' .. KEYS[1])
end
local kind = redis.call('TYPE', KEYS[1])['ok']
local range = {list = 'LRANGE', hash = 'HSCAN', zset = 'ZSCAN'}
if kind == 'none' then
    return {'', 0, {}}
elseif not range[kind] then
    return redis.error_reply('WRONGTYPE ' .. KEYS[1] .. ' is a ' .. kind)
end
local check = kind == 'list' and {'LRANGE', KEYS[1], '0', '0'} or {range[kind], KEYS[1], '0'}
if redis.acl_check_cmd(unpack(check)) ~= true then
    return redis.error_reply('NOPERM the user may not run ' .. check[1] .. ' on ' .. KEYS[1])
end

local answer, bytes = {}, tonumber(ARGV[4])
local function look(name, score, item)
    if bytes > 0 and string.find(item, ARGV[3], 1, true) then
        answer[#answer + 1] = name
        answer[#answer + 1] = score
        answer[#answer + 1] = item
        bytes = bytes - #item
    end
end

-- a few at a time: an item may have megabytes, and Redis answers nobody
local STEP, MAX_READ = 20, 16 * 1024 * 1024
local n, read, next_at = 0, 0, ARGV[1]
repeat
    if kind == 'list' then
        local from = next_at
        local items = redis.call('LRANGE', KEYS[1], from, from + STEP - 1)
        next_at = #items == STEP and string.format('%.0f', from + STEP) or ''
        for i, item in ipairs(items) do
            look(string.format('%.0f', from + i - 1), '', item)
            n, read = n + 1, read + #item
        end
    else
        local r = redis.call(range[kind], KEYS[1], next_at, 'COUNT', STEP)
        next_at = r[1] == '0' and '' or r[1]
        for i = 1, #r[2], 2 do
            local name, item = r[2][i], r[2][i + 1]
            if kind == 'hash' then
                look(name, '', item)
            else
                look(string.match(name, '^[^ :]*'), item, name)
            end
            n, read = n + 1, read + #name + #item
        end
    end
until next_at == '' or n >= tonumber(ARGV[2]) or read > MAX_READ
return {next_at, n, answer}
