#!lua flags=allow-oom
-- A conversation's pause, tags and turns.  Moves no item; what is said twice,
-- because nobody knows whether it was heard, changes nothing the second time.
--
-- KEYS  1 meta:conversation:PRODUCT:ACCOUNT:USER, a hash: pause (ms since 1970,
--       until when a person answers), pause_by (a word), stop (of know.lua),
--       tag:NAME (ms, since when)
--       2 the same with :turns, a list of {"r":"user" or "bot","i":id,"t":ms,
--       "x":text}
--       3 the record of a sent message (pause, look); meta:conversation:stopped
--       (resume)
--       4 meta:conversation:paused, a sorted set: PRODUCT:ACCOUNT:USER by when
--       the pause ends, the newest 10,000
-- ARGV  1 what is to be done  2 for how long the hash stays, in ms, 0: no end
--   turn   3 the turn  4 how its beginning, "r" and "i", reads  5 how many are
--          kept  6 for how long, in ms  7 how many are wanted
--   late   like turn, but only where there are some
--   pause  3 for how long, in ms  4 by whom  5 "1": not where KEYS[3] is there
--          6 PRODUCT:ACCOUNT:USER
--   resume 3 PRODUCT:ACCOUNT:USER
--   tag    3 the name  4 how many there may be
--   untag  3 the name
--   look   nothing
-- Answers {pause, pause_by, stop, whether something was done (look: whether the
-- record is there), turns that stand before that one...}; times 0: none.

local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
local key, turns = KEYS[1], KEYS[2]
local what, done, wanted = ARGV[1], 0, {}

local function ends(field)
    local ms = tonumber(redis.call('HGET', key, field) or '') or 0
    return ms > now and ms or 0
end

-- never before a pause is over
local function keep(length)
    if length > 0 then
        length = math.max(length, ends('pause') - now, ends('stop') - now)
        redis.call('PEXPIRE', key, math.ceil(length))
    end
end

local function old(turn, length)
    local good, t = pcall(cjson.decode, turn)
    return not good or type(t) ~= 'table' or (tonumber(t.t) or 0) < now - length
end

if what == 'turn' or what == 'late' then
    local length = tonumber(ARGV[6])
    local all = redis.call('LRANGE', turns, 0, -1)
    local gone = 0
    while gone < #all and old(all[gone + 1], length) do
        gone = gone + 1
    end
    if gone > 0 then
        redis.call('LTRIM', turns, gone, -1)
    end
    local said = false
    for i = gone + 1, #all do
        if string.sub(all[i], 1, #ARGV[4]) == ARGV[4] then
            said = true
            break
        end
        wanted[#wanted + 1] = all[i]
    end
    if not said and length > 0 and (what == 'turn' or #wanted > 0) then
        redis.call('RPUSH', turns, ARGV[3])
        redis.call('LTRIM', turns, -tonumber(ARGV[5]), -1)
        redis.call('PEXPIRE', turns, length)
        done = 1
    end

elseif what == 'pause' then
    if ARGV[5] ~= '1' or redis.call('EXISTS', KEYS[3]) == 0 then
        local till = now + tonumber(ARGV[3])
        if till > ends('pause') then
            redis.call('HSET', key, 'pause', string.format('%.0f', till),
                'pause_by', ARGV[4])
        end
        keep(tonumber(ARGV[2]))
        redis.call('ZADD', KEYS[4], ends('pause'), ARGV[6])
        redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
        redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -10001)
        done = 1
    end

elseif what == 'resume' then
    done = redis.call('HDEL', key, 'pause', 'pause_by', 'stop') > 0 and 1 or 0
    redis.call('ZREM', KEYS[3], ARGV[3])
    redis.call('ZREM', KEYS[4], ARGV[3])

elseif what == 'tag' then
    local n = 0
    for _, field in ipairs(redis.call('HKEYS', key)) do
        n = n + (string.sub(field, 1, 4) == 'tag:' and 1 or 0)
    end
    if n < tonumber(ARGV[4])
        or redis.call('HEXISTS', key, 'tag:' .. ARGV[3]) == 1
    then
        redis.call('HSET', key, 'tag:' .. ARGV[3], string.format('%.0f', now))
        keep(tonumber(ARGV[2]))
        done = 1
    end

elseif what == 'untag' then
    done = redis.call('HDEL', key, 'tag:' .. ARGV[3])

elseif what == 'look' then
    done = redis.call('EXISTS', KEYS[3])
end

local answer = {ends('pause'), redis.call('HGET', key, 'pause_by') or '',
    ends('stop'), done}
for i = math.max(1, #wanted - (tonumber(ARGV[7] or '') or 0) + 1), #wanted do
    answer[#answer + 1] = wanted[i]
end
return answer
