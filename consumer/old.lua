#!lua flags=allow-oom
-- Deletes the dead letters that are older than retention.dead and counts them
-- as dropped, as if somebody had done it by hand (ctl_drop.lua).
--
-- KEYS  1 {Q}:lease  2 {Q}:dead  3 {Q}:count  4 {Q}:state
-- ARGV  1 owner  2 how old, in ms  3 how many are looked at, at most
-- Answers {how many were deleted, 1: there may be more}.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

-- Redis does not roll back: what may be refused is asked before the first move
local time = redis.call('TIME')
local before = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[2])
if not redis.call('LINDEX', KEYS[2], 0) then
    return {0, 0}
end
redis.call('LREM', KEYS[2] .. ':none', 1, '')
redis.call('HMGET', KEYS[4], '')
redis.call('HDEL', KEYS[4], '')
for _, counter in ipairs({'dead', 'dropped'}) do
    redis.call('HINCRBY', KEYS[3], counter, 0)
end

local function time_of(letter)
    return tonumber(string.match(string.sub(letter, 1, 400), '^{"v":1,"reason":"[^"\\]*",'
        .. '"code":[^,]*,"subcode":[^,]*,"attempts":%d+,"time":(%d+),'))
end

-- an ambiguous one has a copy by which a status could settle it, under the id
-- of its item, and the number of the send where it is not the first
local function forget_copy(letter)
    local good, l = pcall(cjson.decode, letter)
    local id = good and type(l.item) == 'table' and l.item.id
    if type(id) ~= 'string' then
        return
    end
    local names = {'ref:' .. id}
    for n = 2, math.min(tonumber(l.done) or 0, 100) + 1 do
        names[n] = names[1] .. '#' .. n
    end
    for n, kept in ipairs(redis.call('HMGET', KEYS[4], unpack(names))) do
        if kept and string.sub(kept, -#letter) == letter then
            redis.call('HDEL', KEYS[4], names[n])
        end
    end
end

local at, dropped = 0, 0
for _ = 1, tonumber(ARGV[3]) do
    local letter = redis.call('LINDEX', KEYS[2], at)
    local when = letter and time_of(letter)
    if not letter or when and when > before then
        return {dropped, 0}
    end
    if not when then
        at = at + 1         -- none of ours: it stays
    else
        if #letter <= 65536 and string.find(letter, '^{"v":1,"reason":"ambiguous",') then
            forget_copy(letter)
        end
        redis.call('LREM', KEYS[2], 1, letter)
        redis.call('HINCRBY', KEYS[3], 'dead', -1)
        redis.call('HINCRBY', KEYS[3], 'dropped', 1)
        dropped = dropped + 1
    end
end
return {dropped, dropped > 0 and 1 or 0}
