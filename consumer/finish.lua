#!lua flags=allow-oom
-- Ends items: takes them and their state out of {Q}:inflight and {Q}:state,
-- counts what became of them, moves dead ones to {Q}:dead and passed ones to a
-- list of the user's own, pushes results, remembers ids for dedupe.  Then it
-- moves back from {Q}:held who only waited for them.
-- with held.lua
--
-- KEYS  8 {Q}:dead  9 {Q}:kept  10 {Q}:seen:  11 {Q}:seen:count  12... lists
-- ARGV  1 owner  2 room in the window  3 its bytes  4 how long worked ones are
--       kept, ms  5 ceiling of ids  6 1: one of them was alone
--       7 ids to remember, 10 bytes each
--       then four lists, each with its length before it:
--       fields of worked ones; of duplicates; names to delete of {Q}:state;
--       of all that end, field and head of the envelope, none where nothing
--       waits
--       then all the others: "worked", "duplicate", "unmatched", "expired",
--       "pass" or "dead"; field; list from 1, or letter up to its last member;
--       that member where it is not the item; what may settle a dead one, or
--       empty; how many pushes, each as in mark.lua
-- Answers {places that wait, 0: something is due, requeued, since when dedupe
-- remembers (0: as before), how many pushes were left out and fields of passed
-- ones that stay, because what has the list's name is no list, and of those
-- who came back: field, item, state, crashes, 0, ...}.  A second end of the
-- same item counts and pushes nothing.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

room, bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local keep, ids, i = tonumber(ARGV[4]), ARGV[7], 8

local function list()
    local n, from = tonumber(ARGV[i]), i + 1
    i = from + n
    return from, i - 1
end

local worked, worked_end = list()
local twice, twice_end = list()
local names, names_end = list()
local heads, heads_end = list()

-- what may be refused is asked before the first move
local out = {}
for k = 12, #KEYS do
    local n = redis.pcall('LTRIM', KEYS[k], 0, -1)
    out[k] = n.err and string.sub(n.err, 1, 9) == 'WRONGTYPE'
    if n.err and not out[k] then
        return n
    end
end
redis.call('HINCRBY', KEYS[3], 'taken', 0)
for _, n in ipairs(redis.call('HMGET', KEYS[3], 'worked', 'duplicate', 'unmatched', 'expired',
    'dead'))
do
    if n and not string.match(n, '^%-?%d+$') then
        return redis.error_reply('ERR a counter is no number')
    end
end
redis.call('HDEL', KEYS[2], '')
redis.call('HDEL', KEYS[4], '')
redis.call('LLEN', KEYS[8])
redis.call('ZCARD', KEYS[7])
if #KEYS > 11 then
    redis.call('PEXPIRE', KEYS[1] .. ':none', 1)
end
if ids ~= '' then
    redis.call('HINCRBY', KEYS[11], 'since', 0)
end
if keep > 0 then
    redis.call('ZADD', KEYS[9], 'XX', 0, '')
end
if heads_end >= heads then
    ask()
end

-- who came back at the first end of an item may not have begun yet: a second
-- one, whose first was not answered, lets nobody else come
local ends = {}
for k = heads, heads_end, 2 do
    ends[k] = redis.call('HEXISTS', KEYS[2], ARGV[k]) == 1
end

local now, since = clock(), 0
if keep > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[9], '-inf', now - keep)
end

-- {Q}:seen:DAY, a hash: the first two bytes of an id -> all the other eights.
-- It expires whole, eight days after the end of its day
local function remember()
    local day, today, total, oldest = math.floor(now / 86400000), nil, 0, nil
    local buckets = redis.call('HGETALL', KEYS[11])
    local function before(a, b)
        local ad, ap = string.match(a, '^(%d+)%.?(%d*)$')
        local bd, bp = string.match(b, '^(%d+)%.?(%d*)$')
        if ad ~= bd then
            return tonumber(ad) < tonumber(bd)
        end
        return (tonumber(ap) or 0) < (tonumber(bp) or 0)
    end
    for b = 1, #buckets, 2 do
        local name, n = buckets[b], tonumber(buckets[b + 1])
        local of = tonumber(string.match(name, '^%d+'))
        if of and of < day - 8 then
            redis.call('HDEL', KEYS[11], name)
        elseif of then
            total = total + n
            if not oldest or before(name, oldest) then
                oldest = name
            end
            if of == day and (not today or before(today, name)) then
                today = name
            end
        end
    end

    -- a day has several buckets where it alone would reach the ceiling
    local max, n = tonumber(ARGV[5]), #ids / 10
    today = today or tostring(day)
    local size = tonumber(redis.call('HGET', KEYS[11], today) or 0)
    if size >= math.max(1, max / 8) then
        local part = tonumber(string.match(today, '%.(%d+)$') or 0) + 1
        today, size = day .. '.' .. part, 0
    end

    local found, names = {}, {}
    for k = 1, #ids, 10 do
        local name = string.sub(ids, k, k + 1)
        if not found[name] then
            found[name] = {}
            names[#names + 1] = name
        end
        table.insert(found[name], string.sub(ids, k + 2, k + 9))
    end
    for k = 1, #names, 500 do
        local last, fields = math.min(k + 499, #names), {}
        local had = redis.call('HMGET', KEYS[10] .. today, unpack(names, k, last))
        for m = k, last do
            fields[#fields + 1] = names[m]
            fields[#fields + 1] = (had[m - k + 1] or '') .. table.concat(found[names[m]])
        end
        redis.call('HSET', KEYS[10] .. today, unpack(fields))
    end
    redis.call('HINCRBY', KEYS[11], today, n)
    if size == 0 then
        redis.call('PEXPIREAT', KEYS[10] .. today, (day + 9) * 86400000)
    end

    if total + n > max and oldest and oldest ~= today then
        redis.call('UNLINK', KEYS[10] .. oldest)
        redis.call('HDEL', KEYS[11], oldest)
        since = now
        redis.call('HSET', KEYS[11], 'since', string.format('%.0f', since))
    end
end

if ids ~= '' then
    remember()
end

local function kept(field, record)
    if keep > 0 and record then
        redis.call('ZADD', KEYS[9], now, field .. ':' .. record)
    end
end

local function drop(outcome, from, to)
    if to < from then
        return
    end
    if keep > 0 and outcome == 'worked' then
        for k = from, to do
            kept(ARGV[k], redis.call('HGET', KEYS[2], ARGV[k]))
        end
    end
    local n = redis.call('HDEL', KEYS[2], unpack(ARGV, from, to))
    if n > 0 then
        redis.call('HINCRBY', KEYS[3], outcome, n)
    end
end

drop('worked', worked, worked_end)
drop('duplicate', twice, twice_end)

-- what is pushed comes before the end: where that is refused, nothing moved
local left = {0}
while i <= #ARGV do
    local outcome, field, to, instead, ref = unpack(ARGV, i, i + 4)
    local pushes = tonumber(ARGV[i + 5])
    local item = redis.call('HGET', KEYS[2], field)
    local list = outcome == 'pass' and to + 11
    if list and item and out[list] then
        item = nil
        left[#left + 1] = field
    end
    for k = i + 6, i + 2 + 4 * pushes, 4 do
        local key = ARGV[k] + 11
        if item and out[key] then
            left[1] = left[1] + 1
        elseif item then
            redis.call('RPUSH', KEYS[key], ARGV[k + 1])
            if ARGV[k + 2] ~= '0' then
                redis.call('LTRIM', KEYS[key], -ARGV[k + 2], -1)
            end
            if ARGV[k + 3] ~= '0' then
                redis.call('PEXPIRE', KEYS[key], ARGV[k + 3])
            end
        end
    end
    i = i + 6 + 4 * pushes
    if item then
        if list then
            redis.call('RPUSH', KEYS[list], item)
            outcome = 'unmatched'
        elseif outcome == 'dead' then
            local letter = to .. (instead ~= '' and instead or item) .. '}'
            if ref ~= '' then
                redis.call('HSET', KEYS[4], 'ref:' .. ref, #to .. ' ' .. letter)
            end
            redis.call('RPUSH', KEYS[8], letter)
        elseif outcome == 'worked' then
            kept(field, item)
        end
        redis.call('HDEL', KEYS[2], field)
        redis.call('HINCRBY', KEYS[3], outcome, 1)
    end
end

if names_end >= names then
    redis.call('HDEL', KEYS[4], unpack(ARGV, names, names_end))
end
if ARGV[6] == '1' then
    redis.call('HDEL', KEYS[1], 'alone')
end
local back = {}
for k = heads, heads_end, 2 do
    for _, key in ipairs(ends[k] and keys_of(ARGV[k + 1]) or {}) do
        release(back, key)
    end
end
local answer = preface()
answer[2] = overflow and 0 or -1
answer[4] = since
answer[5] = left
for k = 1, #back do
    answer[5 + k] = back[k]
end
return answer
