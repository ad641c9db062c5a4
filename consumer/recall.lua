#!lua flags=allow-oom
-- Reads items that stand in {Q}:inflight already, for a consumer that took
-- over or lost a reply; moves none.
-- with held.lua
--
-- ARGV  1 owner  2 how many bytes at most  3... fields, in order
-- Answers {places that wait, -1, requeued, field, item, state, crashes, 0, ...}
-- as far as the bytes go, at least the first; item nil where the field is gone.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

local found = preface()
bytes = tonumber(ARGV[2])
for i = 3, #ARGV do
    local item = redis.call('HGET', KEYS[2], ARGV[i])
    local size = item and #item or 0
    if size > bytes and #found > 3 then
        break
    end
    bytes = bytes - size
    tell(found, ARGV[i], item, false)
end
return found
