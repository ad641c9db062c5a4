#!lua flags=allow-oom
-- Deletes dead letters from {Q}:dead and counts them as dropped.  What an
-- answer of Meta's could still have settled it cannot any more.
--
-- KEYS  1 {Q}:dead  2 {Q}:count  3 {Q}:state
-- ARGV  for each letter: index, id (12 digits of its SHA-1), "ref:" and the id
--       by which it could be settled, how many sends that may have been, 0:
--       none could
-- Answers {how many were deleted, how many were no longer where they were}.

-- Redis does not roll back: what may be refused is asked before the first move
local needs = {
    {'LINDEX', KEYS[1], '0'}, {'LSET', KEYS[1], '0', ''}, {'LREM', KEYS[1], '0', ''},
    {'HINCRBY', KEYS[2], '', '0'}, {'HMGET', KEYS[3], ''}, {'HDEL', KEYS[3], ''},
    {'HLEN', KEYS[3]},
}
for _, c in ipairs(needs) do
    if redis.acl_check_cmd(unpack(c)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. c[1] .. ' on ' .. c[2])
    end
end
for _, counter in ipairs({'dead', 'dropped'}) do
    redis.call('HINCRBY', KEYS[2], counter, 0)
end

redis.call('HLEN', KEYS[3])

-- under the id, and with the number of the send where it was not the first
local function forget_copy(letter, name, sends)
    for n = 1, sends do
        local field = n == 1 and name or name .. '#' .. n
        local kept = redis.call('HMGET', KEYS[3], field)[1]
        if kept and string.sub(kept, -#letter) == letter then
            redis.call('HDEL', KEYS[3], field)
        end
    end
end

local GONE = 'moved by metactl'     -- no JSON, so no letter
local moved, missed = 0, 0
for i = 1, #ARGV, 4 do
    local letter = redis.call('LINDEX', KEYS[1], ARGV[i])
    if letter and string.sub(redis.sha1hex(letter), 1, 12) == ARGV[i + 1] then
        forget_copy(letter, ARGV[i + 2], tonumber(ARGV[i + 3]))
        redis.call('LSET', KEYS[1], ARGV[i], GONE)
        moved = moved + 1
    else
        missed = missed + 1
    end
end
if moved > 0 then
    redis.call('LREM', KEYS[1], moved, GONE)
    redis.call('HINCRBY', KEYS[2], 'dead', -moved)
    redis.call('HINCRBY', KEYS[2], 'dropped', moved)
end
return {moved, missed}
