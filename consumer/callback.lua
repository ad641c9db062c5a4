#!lua flags=allow-oom
-- What Meta's callback of one person asks for, beside their tokens: records of
-- their logins go, the page that they may look at says how far it is, and
-- meta:accounts hears of it.  All of it may be said twice, so what is refused in
-- the middle is said again.
--
-- KEYS  1 meta:deletion:CODE; where there is no code, of none  2 meta:flow:, as
--       keys begin  3 meta:accounts
-- ARGV  1 begin, flows or end  2 "1": there is a code, so there is a page
--   begin  3 the app  4 who it is, as a hash  5 how many tokens there are
--   flows  3 the app  4 -  5 where to go on  6 how many to look at
--          7 what is as new (ms) stays  8... accounts that their tokens were for
--   end    3 what meta:accounts gets  4 "open": nobody knows that nothing is left
-- Answers where to go on (flows), or "".

local YEAR, ACCOUNTS = 365 * 86400000, 10000
local page, flows = KEYS[1], KEYS[2]
local has_page = ARGV[2] == '1'
local call = redis.call

local function state()
    return has_page and call('HMGET', page, 'state')[1]
end

if ARGV[1] == 'begin' and has_page then
    local time = call('TIME')
    call('HSETNX', page, 'state', 'received')
    call('HSETNX', page, 'at', time[1] * 1000 + math.floor(time[2] / 1000))
    call('HSETNX', page, 'app', ARGV[3])
    call('HSETNX', page, 'user', ARGV[4])
    call('HSETNX', page, 'flows', 0)
    if tonumber(ARGV[5]) >= (tonumber(call('HMGET', page, 'tokens')[1] or 0) or 0) then
        call('HSET', page, 'tokens', ARGV[5])
    end
    call('PEXPIRE', page, YEAR)

elseif ARGV[1] == 'flows' then
    -- from the newest down: what comes meanwhile, and what is cut off the other
    -- end, leaves nobody out
    local from, n = tonumber(ARGV[5]), tonumber(ARGV[6])
    local ids = call('ZRANGE', flows .. 'connected', -from - n, -from - 1)
    for _, id in ipairs(ids) do
        local key = flows .. id
        local has = redis.pcall('HMGET', key, 'app', 'accounts', 'at')
        if not has.err and has[1] == ARGV[3]
            and (tonumber(has[3] or 0) or 0) < tonumber(ARGV[7])
        then
            local theirs = false
            for i = 8, #ARGV do
                theirs = theirs
                    or string.find(has[2] or '', '"' .. ARGV[i] .. '"', 1, true) ~= nil
            end
            if theirs then
                call('DEL', key)
                if has_page then
                    call('HINCRBY', page, 'flows', 1)
                end
            end
        end
    end
    return #ids < n and '' or tostring(from + n)

elseif ARGV[1] == 'end' then
    local was = state()
    if not has_page or was == 'received' then
        call('RPUSH', KEYS[3], ARGV[3])
        call('LTRIM', KEYS[3], -ACCOUNTS, -1)
    end
    if was == 'received' and ARGV[4] ~= 'open' then
        call('HSET', page, 'state', 'deleted')
    end
end
return ''
