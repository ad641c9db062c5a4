#!lua flags=no-writes
-- Which of these lists, or their companions, are there; moves nothing.
--
-- KEYS  names of lists
-- Answers their numbers, from 1.

if redis.acl_check_cmd('EXISTS', KEYS[1]) ~= true then
    return redis.error_reply('NOPERM the user may not run EXISTS on ' .. KEYS[1])
end

local found = {}
for i, q in ipairs(KEYS) do
    local tag = '{' .. q .. '}:'
    if redis.call('EXISTS', q, tag .. 'urgent', tag .. 'inflight', tag .. 'held',
        tag .. 'retry', tag .. 'dead') > 0
    then
        found[#found + 1] = i
    end
end
return found
