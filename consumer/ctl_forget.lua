#!lua flags=allow-oom
-- What stands of a person outside of the queues: which names they have, how much
-- there is, and all of it deleted.  Moves no item.
--
-- KEYS  1 meta:user:  2 meta:conversation:  3 meta:message:, as keys begin
-- ARGV  1 names, count or forget  2 where to begin: a cursor  3 how many keys to
--       look at  4 the account, or "": any  5 "1": all of it shall be deleted; then
--       their names, each after its account ("": of any)
-- Answers {where to go on or "", {account, name...} that go by the same person, or
-- {what, how many...}}.  Who wants no marketing stays in meta:user:ACCOUNT:stop,
-- under every name: else the next who looks would write to them.

-- Redis does not roll back: what may be refused is asked before the first move
local needs = {{'SCAN', '0'}, {'HMGET', KEYS[1] .. 'none', 'x'}, {'HMGET', KEYS[3] .. 'none', 'x'},
    {'GET', KEYS[1] .. 'none'}}
if ARGV[5] == '1' then
    for _, k in ipairs({1, 2, 3}) do
        needs[#needs + 1] = {'DEL', KEYS[k] .. 'none'}
    end
    needs[#needs + 1] = {'ZREM', KEYS[2] .. 'none', 'x'}
    needs[#needs + 1] = {'HSET', KEYS[1] .. 'none', 'x', ''}
end
for _, c in ipairs(needs) do
    if redis.acl_check_cmd(unpack(c)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. c[1] .. ' on '
            .. (c[1] == 'SCAN' and 'keys' or c[2]))
    end
end

local forget, only = ARGV[1] == 'forget', ARGV[4]
local names, found, count = {}, {}, {}
for i = 6, #ARGV, 2 do
    names[ARGV[i]] = names[ARGV[i]] or {}
    names[ARGV[i]][ARGV[i + 1]] = true
end

-- what has another type than ours has is not ours
local function ask(...)
    local r = redis.pcall(...)
    return type(r) ~= 'table' and r or type(r) == 'table' and not r.err and r or nil
end

local function theirs(account, name)
    return name and (only == '' or account == only)
        and (names[account] and names[account][name] or names[''] and names[''][name])
end

local function gone(what, key)
    count[what] = (count[what] or 0) + 1
    if forget then
        redis.call('DEL', key)
    end
end

local function also(account, name)
    if name and name ~= '' and not (names[account] and names[account][name]) then
        found[#found + 1], found[#found + 2] = account, name
    end
end

local function user(key, rest)
    local account, id = string.match(rest, '^([^:]+):alias:(.+)$')
    if account then
        local new = ask('GET', key)
        if theirs(account, id) or new and theirs(account, new) then
            also(account, id)
            also(account, new)
            return ARGV[1] ~= 'names' and gone('aliases', key)
        end
        return
    end
    account, id = string.match(rest, '^([^:]+):([^:]+)$')
    if id == 'stop' then
        local since
        for _, of in ipairs({account, ''}) do
            for name in pairs(names[of] or {}) do
                local ms = theirs(account, name) and (ask('HMGET', key, name) or {})[1]
                if ms and math.abs(tonumber(ms) or 0) >= math.abs(tonumber(since) or 0) then
                    since = ms
                end
                if ms and ARGV[1] == 'names' then
                    also(account, name)
                end
            end
        end
        if since and ARGV[1] ~= 'names' then
            count.optouts = (count.optouts or 0) + 1
            for name in pairs(forget and names[account] or {}) do
                redis.call('HSET', key, name, since)
            end
        end
    elseif theirs(account, id) then
        local has = ask('HMGET', key, 'phone', 'bsuid') or {}
        also(account, id)
        also(account, has[1])
        also(account, has[2])
        return ARGV[1] ~= 'names' and gone('people', key)
    end
end

local function talk(key, rest)
    if rest == 'stopped' or rest == 'paused' then
        for account, ids in pairs(names) do
            for id in pairs(account ~= '' and ids or {}) do
                for _, product in ipairs({'whatsapp', 'messenger', 'instagram'}) do
                    local name = product .. ':' .. account .. ':' .. id
                    if forget then
                        ask('ZREM', key, name)
                    end
                end
            end
        end
        return
    end
    local account, id, part = string.match(rest, '^[^:]+:([^:]+):([^:]+):?(%l*)$')
    if theirs(account, id) then
        also(account, id)
        return ARGV[1] ~= 'names'
            and gone(part == 'turns' and 'turns' or 'conversations', key)
    end
end

local function message(key, rest)
    local account, id = string.match(rest, '^([^:]+):([^:]+)$')
    local has = id and id ~= 'waba' and id ~= 'templates' and ask('HMGET', key, 'user', 'id')
    if not has or not has[1] or not theirs(account, has[1]) then
        return
    end
    also(account, has[1])
    if ARGV[1] ~= 'names' then
        gone('messages', key)
        if forget and has[2] then
            redis.call('DEL', KEYS[3] .. account .. ':of:' .. string.gsub(has[2], '#%d+$', ''))
        end
    end
end

local r = redis.call('SCAN', ARGV[2], 'COUNT', ARGV[3])
for _, key in ipairs(r[2]) do
    for i, look in ipairs({user, talk, message}) do
        if string.sub(key, 1, #KEYS[i]) == KEYS[i] then
            look(key, string.sub(key, #KEYS[i] + 1))
        end
    end
end

if ARGV[1] ~= 'names' then
    found = {}
    for what, n in pairs(count) do
        found[#found + 1], found[#found + 2] = what, n
    end
end
return {r[1] == '0' and '' or r[1], found}
