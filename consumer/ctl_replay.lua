#!lua flags=allow-oom
-- Puts kept events back to the tail of Q, marked as replay, and takes them out
-- of {Q}:kept (the consumer keeps them again); or copies them to another list.
--
-- KEYS  1 {Q}:kept  2 {Q}:count  3 the list
-- ARGV  1 score of the first  2 of the last  3 how many of them were looked at
--       and left where they are  4 how many to look at  5 account or ""
--       6 "move", "copy" or "count"  7 how many to put back at most
-- Answers {how many were looked at, how many were put back, how many cannot
-- be, for they are no events}.

local needs = {
    {'ZRANGEBYSCORE', KEYS[1], '0', '0'}, {'ZREM', KEYS[1], ''}, {'RPUSH', KEYS[3], ''},
    {'HINCRBY', KEYS[2], '', '0'}, {'LLEN', KEYS[3]},
}
for _, c in ipairs(needs) do
    if redis.acl_check_cmd(unpack(c)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. c[1] .. ' on ' .. c[2])
    end
end

-- Redis does not roll back: what may be refused is asked before the first move
redis.call('LLEN', KEYS[3])
if ARGV[6] == 'move' then
    redis.call('HINCRBY', KEYS[2], 'replayed', 0)
end

local looked, put, odd, read, full = 0, 0, 0, 0, false

local function replay(member)
    local record = string.sub(member, (string.find(member, ':', 1, true) or 0) + 1)
    local head = string.sub(record, 1, 2560)
    local event = string.find(head, ',"event":', 1, true)
    head = event and string.sub(head, 1, event - 1) or ''
    if ARGV[5] ~= '' and string.match(head, '"key":"([^":]*)') ~= ARGV[5] then
        return
    elseif not event then
        odd = odd + 1
        return
    elseif put == tonumber(ARGV[7]) then
        full = true
        return
    end
    put = put + 1
    if ARGV[6] == 'count' then
        return
    end
    if not string.find(head, ',"replay":true', 1, true) then
        head = head .. ',"replay":true'
    end
    redis.call('RPUSH', KEYS[3], head .. string.sub(record, event))
    if ARGV[6] == 'move' then
        redis.call('ZREM', KEYS[1], member)
    end
end

-- a few at a time: a record may have megabytes, and Redis answers nobody
local STEP, MAX_READ = 20, 16 * 1024 * 1024
repeat
    local skip = ARGV[3] + looked - (ARGV[6] == 'move' and put or 0)
    local members = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', skip, STEP)
    for _, member in ipairs(members) do
        replay(member)
        if full then
            break
        end
        looked, read = looked + 1, read + #member
    end
until full or #members < STEP or looked >= tonumber(ARGV[4]) or read > MAX_READ

if put > 0 and ARGV[6] == 'move' then
    redis.call('HINCRBY', KEYS[2], 'replayed', put)
end
return {looked, put, odd}
