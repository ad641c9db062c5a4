#!lua flags=allow-oom
-- Writes a token, or some fields of it.
--
-- KEYS  1 meta:token:NAME  2 meta:token:names  3 meta:token:changed
--       4 meta:token:version  5 meta:accounts  6 meta:control
--       7 meta:token:store: which one it is, for who knows one that was lost
--       8 meta:limit:stop:LANE  then those of its accounts' lanes
-- ARGV  1 NAME  2 "put": in place of what is there, "note": only where it is
--       there, "make": also where not, and anew where it is of another lane,
--       "back": only where it is not, or older
--       3 `sealed` as it must still be, "-": none of a tenant, empty: any
--       4 what meta:accounts gets, empty: nothing  5 "lane:LANE"
--       6 tokens at most  then field, value, field, value...
-- Answers {"done", version, which store it is}, or "full", "changed", "gone"
-- in place of "done".
--
-- The tenant who had it until now hears that it is lost.
-- What a consumer has stopped because the token did not work goes on, where a
-- token is put, and where its state comes back from lost; a person's pause
-- stays.

local ACCOUNTS, CHANGED = 10000, 1000
local call = redis.call

-- Redis does not roll back: what may be refused is asked before the first write
for _, right in ipairs({{'HSET', 1, '', ''}, {'DEL', 1}, {'SADD', 2, ''}, {'ZADD', 3, '1', ''},
    {'ZREMRANGEBYRANK', 3, '0', '0'}, {'INCR', 4}, {'RPUSH', 5, ''}, {'LTRIM', 5, '0', '0'},
    {'HMGET', 6, ''}, {'HDEL', 6, ''}, {'DEL', 8}, {'SCARD', 2},
    {'HMGET', 7, ''}, {'HSET', 7, '', ''},
    {'ZCARD', 3}, {'GET', 4}, {'LLEN', 5}})
do
    local command, key = right[1], KEYS[right[2]]
    if redis.acl_check_cmd(command, key, unpack(right, 3)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. command .. ' on ' .. key)
    end
end

-- nor does a key of another type let it stop in the middle
call('SCARD', KEYS[2])
call('ZCARD', KEYS[3])
call('LLEN', KEYS[5])
if not tonumber(call('GET', KEYS[4]) or 0) then
    return redis.error_reply('WRONGTYPE ' .. KEYS[4] .. ' is no number')
end

local name, mode, was, event, lane = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local there = call('EXISTS', KEYS[1]) == 1
local before = call('HMGET', KEYS[1], 'sealed', 'state', 'tenant', 'kind', 'account', 'waba', 'title')

local field = {}
for i = 7, #ARGV, 2 do
    field[ARGV[i]] = ARGV[i + 1]
end

local function born(issued, refreshed)
    return math.max(tonumber(issued or 0) or 0, tonumber(refreshed or 0) or 0)
end

-- of a copy of Redis from earlier: what was renewed since may have been spent,
-- or the account have been moved
local function older()
    local is = call('HMGET', KEYS[1], 'issued', 'refreshed', 'put')
    if is[3] and field.put then
        return tonumber(is[3]) < tonumber(field.put)
    end
    return born(is[1], is[2]) < born(field.issued, field.refreshed)
end

-- as token_event writes it: cjson has no empty list
local function lost()
    local words = {'{"v":1,"event":"lost"'}
    for i, field in ipairs({'ref', 'kind', 'account', 'waba', 'name'}) do
        if before[i + 2] then
            words[i + 1] = '"' .. field .. '":' .. cjson.encode(before[i + 2])
        else
            words[i + 1] = '"' .. field .. '":null'
        end
    end
    return table.concat(words, ',') .. ',"scopes":[]}'
end

local paused = call('HMGET', KEYS[6], lane)[1]
local since = call('HMGET', KEYS[7], 'since')[1]

if was == '-' and before[3] or was ~= '' and was ~= '-' and before[1] ~= was then
    return {'changed', 0, since or ''}
elseif mode == 'note' and not there then
    return {'gone', 0, since or ''}
elseif mode == 'back' and there and not older()
    or mode == 'back' and not there and call('ZSCORE', KEYS[3], name)
then        -- it is here, or was, and was removed
    return {'changed', 0, since or ''}
elseif (mode == 'put' or mode == 'back') and not there and call('SCARD', KEYS[2]) >= tonumber(ARGV[6]) then
    return {'full', 0, since or ''}
end

local moved = ''
if mode == 'put' or mode == 'back' then
    moved = event ~= '' and before[3] and lost() or ''
    call('DEL', KEYS[1])
elseif mode == 'make' and call('HMGET', KEYS[1], 'lane')[1] ~= field.lane then
    call('DEL', KEYS[1])
end
for i = 7, #ARGV, 2 do
    call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
local now = call('TIME')
if mode == 'put' then
    call('HSET', KEYS[1], 'put', string.format('%d%03d', now[1], math.floor(now[2] / 1000)))
end
if not since then
    since = string.format('%d%06d', now[1], now[2])
    call('HSET', KEYS[7], 'since', since)
end
local version = call('INCR', KEYS[4])
call('SADD', KEYS[2], name)
call('ZADD', KEYS[3], version, name)
call('ZREMRANGEBYRANK', KEYS[3], 0, -CHANGED - 1)

if moved ~= '' and call('HMGET', KEYS[1], 'tenant')[1] ~= before[3] then
    call('RPUSH', KEYS[5], moved)
end
if event ~= '' then
    call('RPUSH', KEYS[5], event)
    call('LTRIM', KEYS[5], -ACCOUNTS, -1)
end

if mode == 'put' or before[2] == 'lost' and call('HMGET', KEYS[1], 'state')[1] ~= 'lost' then
    call('DEL', unpack(KEYS, 8))
    local good, pause = pcall(cjson.decode, paused or '')
    if good and type(pause) == 'table' and string.find(pause.by or '', '^meta%-consumer') then
        call('HDEL', KEYS[6], lane)
    end
end

return {'done', version, since}
