#!lua flags=no-writes
-- Whose items wait in a list or hash, since when; moves nothing.
--
-- KEYS  1 a list of records (Q, {Q}:urgent), {Q}:inflight, {Q}:held or {Q}:retry
-- ARGV  1 where to begin: an index, or a cursor  2 how many at most
-- Answers {where to go on or "", how many were read, {account, how many, when
-- the oldest of them came or 0, ...}}; a job's account is its own.

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

-- a few at a time: an item may have megabytes, and Redis answers nobody
local STEP, MAX_READ = 20, 16 * 1024 * 1024
local next_at, n, read = ARGV[1], 0, 0
local function some()
    local items, step = {}, math.min(STEP, ARGV[2] - n)
    if kind == 'list' then
        items = redis.call('LRANGE', KEYS[1], next_at, next_at + step - 1)
        next_at = #items == step and string.format('%.0f', next_at + step) or ''
    else
        local r = redis.call(range[kind], KEYS[1], next_at, 'COUNT', step)
        next_at = r[1] == '0' and '' or r[1]
        for i = 1, #r[2], 2 do
            items[#items + 1] = kind == 'hash' and r[2][i + 1] or r[2][i]
        end
    end
    return items
end

-- what stands behind the lines of an envelope: "nkeys len1 len2 ...\n"
local function record_of(item)
    if kind == 'zset' then
        item = string.sub(item, (string.find(item, ' ', 1, true) or 0) + 1)
    end
    local line = string.sub(item, 1, 1) ~= '{' and string.find(item, '\n', 1, true)
    if not line then
        return item
    end
    local skip = line
    for len in string.gmatch(string.sub(item, 1, line - 1), ' (%d+)') do
        skip = skip + len
    end
    return string.sub(item, skip + 1)
end

local counts, oldest, names = {}, {}, {}

local function count(record)
    local head = string.sub(record_of(record), 1, 2560)
    local event = string.find(head, ',"event":', 1, true)
    head = string.sub(head, 1, event or -1)
    local account = event and string.match(head, '"key":"([^":]*)')
        or string.match(head, '"account":"([^"]*)"') or ''
    local came = tonumber(string.match(head, '"received_at":(%d+)') or 0)
    if not counts[account] then
        counts[account], oldest[account] = 0, came
        names[#names + 1] = account
    end
    counts[account] = counts[account] + 1
    if came > 0 and (came < oldest[account] or oldest[account] == 0) then
        oldest[account] = came
    end
    n, read = n + 1, read + #record
end

repeat
    for _, record in ipairs(some()) do
        count(record)
    end
until next_at == '' or n >= tonumber(ARGV[2]) or read > MAX_READ

local answer = {}
for _, account in ipairs(names) do
    answer[#answer + 1] = account
    answer[#answer + 1] = counts[account]
    answer[#answer + 1] = string.format('%.0f', oldest[account])
end
return {next_at, n, answer}
