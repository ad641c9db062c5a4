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

-- {Q}:seen:DAY.PART.BITS, a hash: so many bits of the first two bytes of an id
-- -> the last nine bytes of all that begin so.  Redis takes some 60 bytes for a
-- field, and a long one has to be looked through: from 12 to 64 ids are well.
-- So a day has as many bits as the day before wanted, and goes on in a part
-- with more where they do not do.  It expires eight days after the day's end
local FIELD_IDS, FIELD_PLAN = 64, 48

-- which are not in a field yet: one that is there twice would make it longer
-- for as long as somebody sends it
local function unknown(value, list)
    local fresh = {}
    for _, id in ipairs(list) do
        local where = string.find(value, id, 1, true)
        while where and where % 9 ~= 1 do
            where = string.find(value, id, where + 1, true)
        end
        if not where then
            fresh[#fresh + 1] = id
        end
    end
    return fresh
end

local function remember()
    local day, total, oldest, newest, before = math.floor(now / 86400000), 0, nil, nil, 0
    local buckets = redis.call('HGETALL', KEYS[11])
    for b = 1, #buckets, 2 do
        local of, part, bits = string.match(buckets[b], '^(%d+)%.(%d+)%.(%d+)$')
        local at = {name = buckets[b], n = tonumber(buckets[b + 1]), day = tonumber(of),
            part = tonumber(part), bits = tonumber(bits)}
        if of and at.day < day - 8 then
            redis.call('HDEL', KEYS[11], at.name)
        elseif of then
            at.order = at.day * 1e6 + at.part
            total = total + at.n
            oldest = oldest and oldest.order < at.order and oldest or at
            newest = newest and newest.order > at.order and newest or at
        end
    end
    for b = 1, newest and #buckets or 0, 2 do
        local of = tonumber(string.match(buckets[b], '^(%d+)%.'))
        before = before + (of == newest.day and tonumber(buckets[b + 1]) or 0)
    end

    -- so that one day alone does not reach the ceiling: no bucket over an eighth
    local max = tonumber(ARGV[5])
    local today = newest and newest.day == day and newest
    local room = today and FIELD_IDS * 2 ^ today.bits
    if not today or today.n >= math.max(1, math.min(max / 8, room)) then
        local part, bits = today and today.part + 1 or 0, today and today.bits or 8
        if today and today.n >= room then
            bits = math.min(bits + 2, 16)
        end
        while not today and bits < 16 and FIELD_PLAN * 2 ^ bits < before do
            bits = bits + 2
        end
        today = {name = day .. '.' .. part .. '.' .. bits, n = 0, bits = bits}
    end

    local found, names = {}, {}
    for k = 1, #ids, 10 do
        local first, second = string.byte(ids, k, k + 1)
        local name = string.char(first, second - second % 2 ^ (16 - today.bits))
        local id = string.sub(ids, k + 1, k + 9)
        if not found[name] then
            found[name] = {}
            names[#names + 1] = name
        end
        if not found[name][id] then
            found[name][id] = true
            table.insert(found[name], id)
        end
    end
    local bucket, n = KEYS[10] .. today.name, 0
    for k = 1, #names, 500 do
        local last, fields = math.min(k + 499, #names), {}
        local had = redis.call('HMGET', bucket, unpack(names, k, last))
        for m = k, last do
            local fresh = unknown(had[m - k + 1] or '', found[names[m]])
            n = n + #fresh
            if #fresh > 0 then
                fields[#fields + 1] = names[m]
                fields[#fields + 1] = (had[m - k + 1] or '') .. table.concat(fresh)
            end
        end
        if #fields > 0 then
            redis.call('HSET', bucket, unpack(fields))
        end
    end
    redis.call('HINCRBY', KEYS[11], today.name, n)
    if today.n == 0 then
        redis.call('PEXPIREAT', bucket, (day + 9) * 86400000)
    end

    if total + n > max and oldest and oldest.name ~= today.name then
        redis.call('UNLINK', KEYS[10] .. oldest.name)
        redis.call('HDEL', KEYS[11], oldest.name)
        since = now
        redis.call('HSET', KEYS[11], 'since', string.format('%.0f', since))
    end
end

if ids ~= '' then
    remember()
end

local KEPT_MAX = 1000000

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

if keep > 0 then
    local many = math.min(redis.call('ZCARD', KEYS[9]) - KEPT_MAX, 1000)
    if many > 0 then
        redis.call('ZREM', KEYS[9], unpack(redis.call('ZRANGE', KEYS[9], 0, many - 1)))
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
