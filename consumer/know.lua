#!lua flags=allow-oom
-- What is known of people and of messages that were sent: events and answers
-- tell it, and whoever decides or sends asks it.  Moves no item.  All of it may
-- be said twice: times only grow, states go by rank, and who is counted has a
-- name.
--
-- KEYS  1 meta:user:  2 meta:conversation:  3 meta:message:, as keys begin
-- ARGV  1 for how many ms it is kept  2 how many automatic replies stop a
--       conversation  3 within how many ms  4 for how long; then words, each
--       with its arguments, one behind another: see the functions
-- Answers one element for each word.

local users, talks, messages = KEYS[1], KEYS[2], KEYS[3]
local keep, most, within, halt = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local HOUR = 3600000             -- more or less of 30 days
local SENT = 100                -- messages of a conversation that a watermark may name
local MADE = 32                 -- messages that an event or job is known to have made
local RANK = {accepted = 0, sent = 1, failed = 2, delivered = 3, read = 4, played = 5}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local call = redis.call

local function alias(account, id)
    return users .. account .. ':alias:' .. id
end

-- a reference that a website chose may read like a key of ours: it is nobody
local function plain(id)
    return (id == 'stop' or string.find(id, ':', 1, true)) and '' or id
end

-- what an id was replaced by, and that again
local function named_now(account, id)
    for _ = 1, 4 do
        local new = id ~= '' and call('GETEX', alias(account, id), 'PX', keep)
        if not new then
            break
        end
        id = new
    end
    return id
end

local function larger(key, field, value)
    if tonumber(value) > (tonumber(call('HGET', key, field) or 0) or 0) then
        call('HSET', key, field, value)
    end
end

local function prefer(account, user, ms)
    local stops = users .. account .. ':stop'
    local was = tonumber(call('HGET', stops, user) or 0) or 0
    if ms ~= '' and math.abs(ms) >= math.abs(was) then
        call('HSET', stops, user, ms)
        was = ms
    end
    return tostring(was)
end

-- all that stands under one name goes to another one, which keeps its own, but
-- for what is older
local function move(product, account, from, to)
    local old, new = users .. account .. ':' .. from, users .. account .. ':' .. to
    local has = call('HGETALL', old)
    for i = 1, #has, 2 do
        if has[i] == 'until' or has[i] == 'closed' then
            larger(new, has[i], has[i + 1])
        else
            call('HSETNX', new, has[i], has[i + 1])
        end
    end
    if #has > 0 then
        call('PEXPIRE', new, keep)
        call('DEL', old)
    end
    local stop = call('HGET', users .. account .. ':stop', from)
    if stop then
        prefer(account, to, stop)
        call('HDEL', users .. account .. ':stop', from)
    end
    old, new = talks .. product .. ':' .. account .. ':' .. from,
        talks .. product .. ':' .. account .. ':' .. to
    has = call('HGETALL', old)
    for i = 1, #has, 2 do
        if has[i] == 'pause' or has[i] == 'stop' then
            larger(new, has[i], has[i + 1])
        else
            call('HSETNX', new, has[i], has[i + 1])
        end
    end
    if #has > 0 then
        local ttl = call('PTTL', old)
        if ttl > call('PTTL', new) then
            call('PEXPIRE', new, ttl)
        end
        call('DEL', old)
    end
    for _, set in ipairs({talks .. 'stopped', talks .. 'paused'}) do
        local ends = call('ZSCORE', set, product .. ':' .. account .. ':' .. from)
        if ends then
            call('ZREM', set, product .. ':' .. account .. ':' .. from)
            call('ZADD', set, 'GT', ends, product .. ':' .. account .. ':' .. to)
        end
    end
    for _, part in ipairs({':turns', ':auto', ':sent'}) do
        if call('EXISTS', old .. part) == 1 then
            call('RENAMENX', old .. part, new .. part)
        end
    end
end

-- BSUID before phone.  A phone that was another BSUID's is perhaps another
-- person's now: nothing of his goes over
local function who(product, account, id, phone, bsuid)
    if id ~= '' or bsuid == '' or phone == '' then
        return id ~= '' and id or named_now(account, bsuid ~= '' and bsuid or phone)
    end
    local was = call('GETEX', alias(account, phone), 'PX', keep)
    if was ~= bsuid then
        call('SET', alias(account, phone), bsuid, 'PX', keep)
        call('DEL', alias(account, bsuid))
        if not was then
            move(product, account, phone, bsuid)
        end
    end
    return bsuid
end

-- WhatsApp says that somebody was called otherwise before
local function renamed(product, account, old, user)
    local was = named_now(account, old)
    if old == '' or user == '' or was == user then
        return
    end
    move(product, account, was, user)
    call('DEL', alias(account, user))
    for _, id in ipairs({was, old}) do
        if id ~= user then
            call('SET', alias(account, id), user, 'PX', keep)
        end
    end
end

local word = {}

-- who it is, and what follows from the event: that the window is open until,
-- that Meta called it closed at, that marketing is not wanted since (below
-- zero: wanted again since).  Answers {user, phone, bsuid, name, until, closed,
-- stop, automatic replies, the number's WABA and the template's category where
-- one is named, fields of the conversation}
word.person = {14, function(product, account, id, phone, bsuid, old_phone, old_bsuid, name,
    group, ends, closed, stop, waba, template)
    local user = who(product, account, plain(id), phone, bsuid)
    renamed(product, account, old_bsuid, user)
    renamed(product, account, old_phone, user)
    if user == '' and group == '' then
        return {'', '', '', '', '', '', '', 0, '', '', {}}
    end
    local key = users .. account .. ':' .. user
    local has, set = call('HMGET', key, 'until', 'closed', 'phone', 'bsuid', 'name'), {}
    for i, new in ipairs({ends, closed, phone, bsuid, name}) do
        local old = has[i] or ''
        if i < 3 and tonumber(new) > (tonumber(old) or 0) or i > 2 and new ~= '' and new ~= old then
            set[#set + 1] = ({'until', 'closed', 'phone', 'bsuid', 'name'})[i]
            set[#set + 1] = new
            has[i] = i > 1 and new or has[i]
        end
    end
    if #set > 0 and user ~= '' and (call('HSET', key, unpack(set)) > 0
        or tonumber(ends) > (tonumber(has[1]) or 0) + HOUR)
    then
        call('PEXPIRE', key, keep)
    end
    has[1] = tonumber(ends) > (tonumber(has[1]) or 0) and ends or has[1]
    local category = ''
    if waba ~= '' then
        call('SET', messages .. account .. ':waba', waba, 'PX', keep)
    end
    if template ~= '' then
        waba = waba ~= '' and waba or call('GET', messages .. account .. ':waba') or ''
        category = call('HGET', messages .. account .. ':templates', template)
            or call('HGET', messages .. waba .. ':templates', template) or ''
    end
    local talk = talks .. product .. ':' .. account .. ':' .. (group ~= '' and group or user)
    local fields, autos = {}, 0
    if call('EXISTS', talk, talk .. ':auto') > 0 then
        fields, autos = call('HGETALL', talk), call('ZCOUNT', talk .. ':auto', now - within, '+inf')
    end
    return {user, has[3] or '', has[4] or '', has[5] or '', has[1] or '', has[2] or '',
        prefer(account, user, stop), autos, waba, category, fields}
end}

-- which messages were sent for an event or a job: their ids, each on a line
local function made(account, item, message)
    local key = messages .. account .. ':of:' .. item
    if item == '' or call('SET', key, message .. '\n', 'NX', 'PX', keep) then
        return
    end
    local ids = call('GET', key) or ''
    if string.find('\n' .. ids, '\n' .. message .. '\n', 1, true) then
        return
    end
    local _, n = string.gsub(ids, '\n', '')
    if n >= MADE then
        ids = string.gsub(ids, '^[^\n]*\n', '')
    end
    call('SET', key, ids .. message .. '\n', 'PX', keep)
end

-- Meta took a message; auto: nobody asked for it by a job, and it is counted
-- under its id; item: what it was sent for.  Answers {state, 1: this one has
-- stopped the conversation}
word.sent = {14, function(product, account, id, phone, bsuid, group, message, ms, ref, by,
    action, template, auto, item)
    local user = who(product, account, plain(id), phone, bsuid)
    local key = messages .. account .. ':' .. message
    local state = call('HGET', key, 'state')
    local set = {'t:accepted', ms, 'user', group ~= '' and group or user, 'by', by, 'id', ref,
        'action', action}
    if not state then
        set[11], set[12] = 'state', 'accepted'
    end
    if template ~= '' then
        set[#set + 1], set[#set + 2] = 'template', template
    end
    call('HSET', key, unpack(set))
    call('PEXPIRE', key, keep)
    made(account, item, message)
    if user == '' and group == '' then      -- a comment that names no author
        return {state or 'accepted', 0}
    end
    local name = product .. ':' .. account .. ':' .. (group ~= '' and group or user)
    local talk = talks .. name
    if product ~= 'whatsapp' then
        call('ZADD', talk .. ':sent', ms, message)
        call('ZREMRANGEBYRANK', talk .. ':sent', 0, -SENT - 1)
        call('PEXPIRE', talk .. ':sent', keep)
    end
    if auto == '' then
        return {state or 'accepted', 0}
    end
    call('ZADD', talk .. ':auto', now, auto)
    local n = call('ZCARD', talk .. ':auto')
    if n == 1 then
        call('PEXPIRE', talk .. ':auto', 3 * within)
    elseif n >= most then
        call('ZREMRANGEBYSCORE', talk .. ':auto', '-inf', '(' .. (now - within))
        n = call('ZCARD', talk .. ':auto')
    end
    if n < most or (tonumber(call('HGET', talk, 'stop') or 0) or 0) > now
    then
        return {state or 'accepted', 0}
    end
    local ends = call('PTTL', talk)     -- -1: tags are kept without an end
    call('HSET', talk, 'stop', now + halt)
    if ends ~= -1 and ends < halt then
        call('PEXPIRE', talk, halt)
    end
    call('ZADD', talks .. 'stopped', now + halt, name)
    call('ZREMRANGEBYSCORE', talks .. 'stopped', '-inf', now)
    call('ZREMRANGEBYRANK', talks .. 'stopped', 0, -1001)
    return {state or 'accepted', 1}
end}

local function reach(key, state, ms)
    local was = call('HGET', key, 'state')
    call('HSETNX', key, 't:' .. state, ms)
    if (RANK[state] or -1) > (RANK[was] or -1) then
        call('HSET', key, 'state', state)
    end
    call('PEXPIRE', key, keep)
    return was
end

-- a status of one message.  Of one that is not known and is not ours nothing is
-- kept.  what: what its error says of the person, "closed" or "stop".  Answers
-- {state, by, user, phone, template, name}
word.status = {13, function(product, account, message, state, ms, code, subcode, class, phone,
    bsuid, ref, what, category)
    local key = messages .. account .. ':' .. message
    local was = call('HMGET', key, 'by', 'user', 'template', 't:accepted', 'id')
    local user = was[2] or who(product, account, '', phone, bsuid)
    if was[1] or ref ~= '' or call('EXISTS', key) == 1 then
        reach(key, state, ms)
        if not was[2] and user ~= '' then
            call('HSET', key, 'user', user)
        end
        if not was[5] and ref ~= '' then
            call('HSET', key, 'id', ref)
        end
        if code ~= '' then
            call('HSET', key, 'code', code, 'subcode', subcode, 'class', class)
        end
    end
    if what == 'closed' and user ~= '' then
        larger(users .. account .. ':' .. user, 'closed', was[4] or ms)
        call('PEXPIRE', users .. account .. ':' .. user, keep)
    elseif what == 'stop' and user ~= '' then
        prefer(account, user, ms)
    end
    if was[3] and category ~= '' then
        call('HSET', messages .. account .. ':templates', was[3], category)
        call('PEXPIRE', messages .. account .. ':templates', keep)
    end
    local is = user ~= '' and call('HMGET', users .. account .. ':' .. user, 'phone', 'name') or {}
    return {call('HGET', key, 'state') or state, was[1] or '', user,
        phone ~= '' and phone or is[1] or '', was[3] or '', is[2] or ''}
end}

-- all that were sent to somebody until then, or until that message, got as far.
-- The newest first, until one has.  Answers their ids
word.mark = {6, function(product, account, user, state, ms, message)
    local sent = talks .. product .. ':' .. account .. ':' .. plain(user) .. ':sent'
    local key = messages .. account .. ':' .. message
    local ends = message == '' and ms or call('ZSCORE', sent, message)
    local ids = {}
    if message ~= '' and not ends and call('EXISTS', key) == 1 then
        reach(key, state, ms)
        ids[1] = message
    end
    for _, id in ipairs(ends and call('ZRANGE', sent, ends, '-inf', 'BYSCORE', 'REV') or {}) do
        key = messages .. account .. ':' .. id
        if (RANK[call('HGET', key, 'state') or ''] or -1) >= RANK[state] then
            break
        end
        if call('EXISTS', key) == 1 then
            reach(key, state, ms)
            ids[#ids + 1] = id
        end
    end
    if state == 'read' and ends then
        call('ZREMRANGEBYSCORE', sent, '-inf', ends)
    end
    return ids
end}

-- how far a message got: {state, code, subcode}
word.state = {2, function(account, message)
    local has = call('HMGET', messages .. account .. ':' .. message, 'state', 'code', 'subcode')
    return {has[1] or '', has[2] or '', has[3] or ''}
end}

-- of which category a template is
word.template = {3, function(account, name, category)
    call('HSET', messages .. account .. ':templates', name, category)
    call('PEXPIRE', messages .. account .. ':templates', keep)
    return ''
end}

-- a lane's pause in meta:control that a consumer wrote is over; a person's stays
word.resume = {2, function(control, field)
    local good, pause = pcall(cjson.decode, call('HGET', control, field) or '')
    if good and type(pause) == 'table' and string.find(pause.by or '', '^meta%-consumer') then
        call('HDEL', control, field)
    end
    return ''
end}

-- what somebody else has put where ours should be is left alone, and says
-- nothing; all else that Redis refuses is refused as a whole
local answer, i = {}, 5
while i <= #ARGV do
    local one = word[ARGV[i]]
    local good, said = pcall(one[2], unpack(ARGV, i + 1, i + one[1]))
    local why = not good and (type(said) == 'table' and said.err or tostring(said))
    if why and not string.find(why, 'WRONGTYPE', 1, true) then
        return redis.error_reply(why)
    end
    answer[#answer + 1] = good and said or ''
    i = i + one[1] + 1
end
return answer
