#!lua flags=allow-oom
-- Moves records of dead letters from {Q}:dead to the tail of Q, takes them off
-- the counts, and keeps what was done of them for whoever takes them.  What an
-- answer of Meta's could still have settled it cannot any more.
--
-- KEYS  1 Q  2 {Q}:dead  3 {Q}:count  4 {Q}:state
-- ARGV  for each letter, in the order of the list: index, id (12 digits of its
--       SHA-1), where its item begins, digest of the record, its state or "",
--       "ref:" and the id by which it could be settled, how many sends that
--       may have been, 0: none could
-- Answers {how many were moved, how many were no longer where they were}.

-- Redis does not roll back: what may be refused is asked before the first move
local needs = {
    {'LINDEX', KEYS[2], '0'}, {'LSET', KEYS[2], '0', ''}, {'LREM', KEYS[2], '0', ''},
    {'RPUSH', KEYS[1], ''}, {'HINCRBY', KEYS[3], '', '0'}, {'HSET', KEYS[4], '', ''},
    {'HINCRBY', KEYS[4], '', '0'}, {'LLEN', KEYS[1]}, {'HLEN', KEYS[4]}, {'HMGET', KEYS[4], ''},
    {'HDEL', KEYS[4], ''},
}
for _, c in ipairs(needs) do
    if redis.acl_check_cmd(unpack(c)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. c[1] .. ' on ' .. c[2])
    end
end
redis.call('LLEN', KEYS[1])
redis.call('HLEN', KEYS[4])
for _, counter in ipairs({'dead', 'taken'}) do
    redis.call('HINCRBY', KEYS[3], counter, 0)
end

-- under the id, and with the number of the send where it was not the first
local function forget_copy(letter, name, sends)
    for n = 1, sends do
        local field = n == 1 and name or name .. '#' .. n
        local kept = redis.call('HMGET', KEYS[4], field)[1]
        if kept and string.sub(kept, -#letter) == letter then
            redis.call('HDEL', KEYS[4], field)
        end
    end
end

local GONE = 'moved by metactl'     -- no JSON, so no letter
local moved, missed = 0, 0
for i = 1, #ARGV, 7 do
    local letter = redis.call('LINDEX', KEYS[2], ARGV[i])
    if letter and string.sub(redis.sha1hex(letter), 1, 12) == ARGV[i + 1] then
        if ARGV[i + 4] ~= '' then
            if redis.call('HSET', KEYS[4], 'r:' .. ARGV[i + 3], ARGV[i + 4]) == 1 then
                redis.call('HINCRBY', KEYS[4], 'requeued', 1)
            end
        end
        redis.call('RPUSH', KEYS[1], string.sub(letter, tonumber(ARGV[i + 2]), -2))
        forget_copy(letter, ARGV[i + 5], tonumber(ARGV[i + 6]))
        redis.call('LSET', KEYS[2], ARGV[i], GONE)
        moved = moved + 1
    else
        missed = missed + 1
    end
end
if moved > 0 then
    redis.call('LREM', KEYS[2], moved, GONE)
    redis.call('HINCRBY', KEYS[3], 'dead', -moved)
    redis.call('HINCRBY', KEYS[3], 'taken', -moved)
end
return {moved, missed}
