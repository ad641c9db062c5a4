#!lua flags=allow-oom
-- Moves items whose time has come from {Q}:retry back to {Q}:inflight, but to
-- {Q}:held those in one of whose lines an older one waits: a sweep makes due
-- who stands behind one in flight, and that one may have come to wait since.
-- Behind one that is to be alone nobody comes: it stands in no line yet.
-- with held.lua
--
-- ARGV  1 owner  2 how many at most  3 how many bytes at most
-- Answers {places that wait, ms until the next is due (-1: none), requeued,
-- field, item, state, crashes, 1: it stands in no line, 2: it has a new number
-- and is to enter its lines, ...}.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

ask()
redis.call('HINCRBY', KEYS[3], 'seq', 0)

-- as if it were taken now: behind all that were before
local function renumber(old)
    local field
    repeat
        field = string.format('%.0f', redis.call('HINCRBY', KEYS[3], 'seq', 1))
            .. (string.sub(old, -1) == 'u' and 'u' or '')
    until redis.call('HEXISTS', KEYS[2], field) + redis.call('HEXISTS', KEYS[5], field) == 0
    for _, c in ipairs({'', 'c'}) do
        local known = redis.call('HGET', KEYS[4], c .. old)
        if known then
            redis.call('HSET', KEYS[4], c .. field, known)
            redis.call('HDEL', KEYS[4], c .. old)
        end
    end
    return field
end

room, bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local now, back = clock(), {}
while room > 0 do
    local member = redis.call('ZRANGE', KEYS[6], '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
    if not member then
        break
    end
    local blank = string.find(member, ' ', 1, true)
    local field, envelope = string.sub(member, 1, blank - 1), string.sub(member, blank + 1)
    local keys, at = keys_of(envelope)
    local record = string.sub(envelope, at)
    if #record > bytes then
        break
    end
    if behind(field, keys) then
        redis.call('HSET', KEYS[5], field, envelope)
        redis.call('ZREM', KEYS[6], member)
    else
        local later = string.sub(envelope, 1, 3) == '00\n'
        field = later and renumber(field) or field
        redis.call('HSET', KEYS[2], field, record)
        redis.call('ZREM', KEYS[6], member)
        step_out(field, keys)
        tell(back, field, record, #keys == 0)
        back[#back] = later and 2 or back[#back]
        room, bytes = room - 1, bytes - #record
        if tonumber(string.match(back[#back - 1] or '', '^%d+') or 0) > 1 then
            break
        end
    end
end

local answer = preface()
local next = redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')
if next[2] then
    answer[2] = math.max(0, tonumber(next[2]) - now)
end
for k = 1, #back do
    answer[3 + k] = back[k]
end
return answer
