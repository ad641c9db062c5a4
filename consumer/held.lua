-- What the scripts share that know of items that wait: it is put into those
-- that say "-- with held.lua".  Their KEYS begin with
--       1 {Q}:lease  2 {Q}:inflight  3 {Q}:count  4 {Q}:state  5 {Q}:held
--       6 {Q}:retry  7 {Q}:lines
--
-- An envelope is "n len1 len2 ...\n", the n keys, and the record: so a script
-- knows an item's lines.  {Q}:lines has one member for each of them, key "\0"
-- number, all of score 0: the first of a line is the smallest.  A key that
-- begins with "\1" is a lane; in other keys neither "\0" nor "\1" occurs.
-- An envelope of no lines is loose, "0\n", or for later, "00\n": due.lua.
--
-- Invariants, true between any two scripts:
--   * An item stands in {Q}:inflight, {Q}:held or {Q}:retry, once.
--   * Who stands in {Q}:held but on no lane has an older one in one of its
--     lines, which is in {Q}:inflight or waits too.  So by induction somebody
--     ends who lets it come back, and nothing is left behind.
-- and, with what its holder knows of calls that are on their way:
--   * In each line, whoever is in {Q}:inflight is older than whoever waits; but
--     for those that its holder has not read yet, who pass enter.lua then.

local room, bytes, overflow = 0, 0, false

local function place(key, field)
    local seq, urgent = string.match(field, '^(%d+)(u?)$')
    return key .. '\0' .. string.rep('0', 16 - #seq) .. seq .. urgent
end

-- the oldest that waits in a line, as its field; nil
local function first(key)
    local member = redis.call('ZRANGE', KEYS[7], '[' .. key .. '\0', '(' .. key .. '\1',
        'BYLEX', 'LIMIT', 0, 1)[1]
    if member then
        local seq, urgent = string.match(string.sub(member, #key + 2), '^0*(%d+)(u?)$')
        return seq .. urgent
    end
end

local function seq(field)
    return tonumber((string.gsub(field, 'u$', '')))
end

-- whether an older one waits in one of its lines
local function behind(field, keys)
    for _, key in ipairs(keys) do
        local oldest = first(key)
        if oldest and seq(oldest) < seq(field) then
            return true
        end
    end
    return false
end

-- the keys of an envelope, where its record begins, and whether it is on a lane
local function keys_of(envelope)
    local head = string.find(envelope, '\n', 1, true)
    local at, keys, lane, n = head + 1, {}, false, nil
    for number in string.gmatch(string.sub(envelope, 1, head - 1), '%d+') do
        if n then
            local key = string.sub(envelope, at, at + number - 1)
            keys[#keys + 1] = key
            lane = lane or string.byte(key) == 1
            at = at + number
        end
        n = true
    end
    return keys, at, lane
end

local function envelope_of(keys, record)
    local head = {#keys}
    for i, key in ipairs(keys) do
        head[i + 1] = #key
    end
    return table.concat(head, ' ') .. '\n' .. table.concat(keys) .. record
end

local function line_up(field, keys)
    for _, key in ipairs(keys) do
        redis.call('ZADD', KEYS[7], 0, place(key, field))
    end
end

local function step_out(field, keys)
    for _, key in ipairs(keys) do
        redis.call('ZREM', KEYS[7], place(key, field))
    end
end

-- what a holder is told of an item: 5 elements
local function tell(answer, field, record, loose)
    local known = redis.call('HMGET', KEYS[4], field, 'c' .. field)
    answer[#answer + 1] = field
    answer[#answer + 1] = record
    answer[#answer + 1] = known[1]
    answer[#answer + 1] = known[2]
    answer[#answer + 1] = loose and 1 or 0
    bytes = bytes - #(known[1] or '')   -- a state may be larger than its item
end

-- how many places wait, ms until the next is due (-1: unknown), whether
-- something was requeued with its state: the first three elements
local function preface()
    local requeued = tonumber(redis.call('HGET', KEYS[4], 'requeued') or 0) or 0
    return {redis.call('ZCARD', KEYS[7]), -1, requeued > 0 and 1 or 0}
end

local function clock()
    local t = redis.call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Redis does not roll back: what may be refused is asked before the first move.
-- HSET cannot be asked; it is always the first that moves something
local function ask()
    redis.call('HMGET', KEYS[4], '')
    redis.call('ZCARD', KEYS[7])
    redis.call('ZRANGE', KEYS[7], 1, 0)
    redis.call('HDEL', KEYS[2], '')
    redis.call('HDEL', KEYS[4], '')
    redis.call('HDEL', KEYS[5], '')
    redis.call('ZADD', KEYS[6], 'XX', 0, '')
    redis.call('ZADD', KEYS[7], 'XX', 0, '')
    redis.call('ZREM', KEYS[6], '')
    redis.call('ZREM', KEYS[7], '')
end

-- from {Q}:held into the window; where that has no room, it is due
local function come_back(answer, field, envelope)
    local keys, at = keys_of(envelope)
    local record, stay, leave = string.sub(envelope, at), {}, {}
    for _, key in ipairs(keys) do
        local to = string.byte(key) == 1 and leave or stay
        to[#to + 1] = key
    end
    if room > 0 and #record <= bytes then
        redis.call('HSET', KEYS[2], field, record)
        redis.call('HDEL', KEYS[5], field)
        step_out(field, keys)
        tell(answer, field, record, #stay == 0)
        room, bytes = room - 1, bytes - #record
        return
    end
    redis.call('ZADD', KEYS[6], clock(), field .. ' ' .. envelope_of(stay, record))
    redis.call('HDEL', KEYS[5], field)
    step_out(field, leave)
    overflow = true
end

-- who has to wait on, each looked at once in a call: it stands in up to 10,000
-- lines, all of which may be let go one by one.  Whoever is before it is not
-- among those that end in this call, and will let it come back
local stays = {}

-- the oldest of a line comes back, if it only waited for who has just ended
local function release(answer, key)
    local field = first(key)
    local envelope = field and not stays[field] and redis.call('HGET', KEYS[5], field)
    if not envelope then
        return
    end
    local keys, _, lane = keys_of(envelope)
    stays[field] = true
    if lane then
        return
    end
    for _, other in ipairs(keys) do
        if other ~= key and first(other) ~= field then
            return
        end
    end
    come_back(answer, field, envelope)
end
