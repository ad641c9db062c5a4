#!lua flags=no-writes
-- Which tokens have changed since somebody looked; moves nothing.
--
-- KEYS  1 meta:token:version  2 meta:token:names  3 meta:token:changed
--       4 meta:token:store
-- ARGV  1 the version that he knows, -1: none  2 names at most
--       3 the store that he knows, empty: none
-- Answers {version} where nothing has changed; else {version, 1: that is all
-- there is, 0: what has changed, which store it is, name, name...}.
--
-- meta:token:changed holds names by the version of their last change, also of
-- removed ones, and is cut (token_put.lua): who has not looked for so long
-- reads all.

for _, right in ipairs({{'GET', 1}, {'SMEMBERS', 2}, {'ZRANGE', 3, '0', '0'},
    {'HMGET', 4, ''}}) do
    local command, key = right[1], KEYS[right[2]]
    if redis.acl_check_cmd(command, key, unpack(right, 3)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. command .. ' on ' .. key)
    end
end

local version = tonumber(redis.call('GET', KEYS[1]) or 0) or 0
local store = redis.call('HMGET', KEYS[4], 'since')[1] or ''
local last = tonumber(ARGV[1])
local other = ARGV[3] ~= '' and ARGV[3] ~= store

if version == last and not other then
    return {version}
end

local oldest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
local cut = not oldest[2] or tonumber(oldest[2]) > last + 1
local all = other or last < 0 or version < last or cut
local names = all and redis.call('SMEMBERS', KEYS[2])
    or redis.call('ZRANGE', KEYS[3], '(' .. ARGV[1], '+inf', 'BYSCORE')
local answer = {version, all and 1 or 0, store}

for i = 1, math.min(#names, tonumber(ARGV[2])) do
    answer[i + 3] = names[i]
end

return answer
