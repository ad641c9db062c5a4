#!lua flags=allow-oom
-- Shows a conversation, pauses it, ends that, forgets all that is kept of it.
--
-- KEYS  1 meta:conversation:  2 meta:user:, as keys begin
-- ARGV  1 show, pause, resume or forget  2 product  3 account  4 person or group
--       5 pause: for how long, in ms  6 pause: by whom  7 for how long the hash
--       stays, in ms, 0: no end
-- Answers {under which name, now, changed (0 or 1), {field, value...}, {turn...},
-- automatic replies of the last 10 minutes}.

-- Redis does not roll back: what may be refused is asked before the first move
local none = KEYS[1] .. 'none'
local needs = {{'TIME'}, {'GET', KEYS[2] .. 'none'}, {'HGETALL', none}, {'LRANGE', none, '0', '0'},
    {'ZCARD', none}}
local moves = {
    pause = {{'PEXPIRE', none, '1'}, {'HSET', none, 'x', ''}, {'ZADD', none, '1', 'x'},
        {'ZREMRANGEBYSCORE', none, '0', '0'}, {'ZREMRANGEBYRANK', none, '0', '0'}},
    resume = {{'HDEL', none, 'x'}, {'DEL', none}, {'ZREM', none, 'x'}},
    forget = {{'DEL', none}, {'ZREM', none, 'x'}},
    show = {},
}
for _, c in ipairs(moves[ARGV[1]]) do
    needs[#needs + 1] = c
end
for _, c in ipairs(needs) do
    if redis.acl_check_cmd(unpack(c)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. c[1] .. ' on ' .. KEYS[1])
    end
end

local product, account, user = ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)

-- what a number was replaced by
for _ = 1, 4 do
    local new = redis.call('GET', KEYS[2] .. account .. ':alias:' .. user)
    if not new then
        break
    end
    user = new
end

local name = product .. ':' .. account .. ':' .. user
local key = KEYS[1] .. name
local changed = 0

if ARGV[1] == 'pause' then
    local till, length = now + tonumber(ARGV[5]), tonumber(ARGV[7])
    redis.call('HSET', key, 'pause', string.format('%.0f', till), 'pause_by', ARGV[6])
    if length > 0 then
        redis.call('PEXPIRE', key, math.max(length, till - now))
    end
    redis.call('ZADD', KEYS[1] .. 'paused', till, name)
    redis.call('ZREMRANGEBYSCORE', KEYS[1] .. 'paused', '-inf', now)
    redis.call('ZREMRANGEBYRANK', KEYS[1] .. 'paused', 0, -10001)
    changed = 1

elseif ARGV[1] == 'resume' then
    changed = redis.call('HDEL', key, 'pause', 'pause_by', 'stop') > 0 and 1 or 0
    redis.call('DEL', key .. ':auto')       -- else the count stops it again
    redis.call('ZREM', KEYS[1] .. 'stopped', name)
    redis.call('ZREM', KEYS[1] .. 'paused', name)

elseif ARGV[1] == 'forget' then
    changed = redis.call('DEL', key, key .. ':turns', key .. ':auto', key .. ':sent') > 0
        and 1 or 0
    redis.call('ZREM', KEYS[1] .. 'stopped', name)
    redis.call('ZREM', KEYS[1] .. 'paused', name)
end

return {user, now, changed, redis.call('HGETALL', key),
    redis.call('LRANGE', key .. ':turns', 0, -1), redis.call('ZCARD', key .. ':auto')}
