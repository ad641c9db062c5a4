#!lua flags=allow-oom
-- Writes how far items are into {Q}:state, and pushes to lists of the user's
-- own what belongs to that; moves no item.
--
-- KEYS  1 {Q}:lease  2 {Q}:state  3... the lists
-- ARGV  1 owner  2... for each item: field, its state (empty: stays), how many
--       pushes, and for each: which list from 1, value, length at most, time
--       to live in milliseconds (0: none)
-- Answers how many pushes were left out, because what has the list's name is
-- no list.  A mark whose answer was lost is said again: who has the state has
-- the pushes.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

local out, skipped = {}, 0
for i = 3, #KEYS do
    local n = redis.pcall('LTRIM', KEYS[i], 0, -1)
    out[i] = n.err and string.sub(n.err, 1, 9) == 'WRONGTYPE'
    if n.err and not out[i] then
        return n
    end
end
redis.call('HDEL', KEYS[2], '')
if #KEYS > 2 then
    redis.call('PEXPIRE', KEYS[1] .. ':none', 1)
end

-- those that push nothing, in few calls
local states = {}
local function write()
    if #states > 0 then
        redis.call('HSET', KEYS[2], unpack(states))
        states = {}
    end
end

local i = 2
while i <= #ARGV do
    if ARGV[i + 2] == '0' and ARGV[i + 1] ~= '' then
        states[#states + 1] = ARGV[i]
        states[#states + 1] = ARGV[i + 1]
        if #states == 1000 then
            write()
        end
    end
    i = i + 3 + 4 * ARGV[i + 2]
end
write()

-- an item's state and its pushes are both written, or neither
i = 2
while i <= #ARGV do
    local field, state, pushes = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
    local before = pushes > 0 and state ~= '' and redis.call('HGET', KEYS[2], field)
    if before == state then
        i, pushes = i + 4 * pushes, 0
    elseif pushes > 0 and state ~= '' then
        redis.call('HSET', KEYS[2], field, state)
    end
    i = i + 3
    for _ = 1, pushes do
        local list = KEYS[ARGV[i] + 2]
        if out[ARGV[i] + 2] then
            skipped = skipped + 1
        else
            local n = redis.pcall('RPUSH', list, ARGV[i + 1])
            if type(n) == 'table' and n.err then
                if before then
                    redis.call('HSET', KEYS[2], field, before)
                elseif state ~= '' then
                    redis.call('HDEL', KEYS[2], field)
                end
                return n
            end
            if ARGV[i + 2] ~= '0' then
                redis.call('LTRIM', list, -ARGV[i + 2], -1)
            end
            if ARGV[i + 3] ~= '0' then
                redis.call('PEXPIRE', list, ARGV[i + 3])
            end
        end
        i = i + 4
    end
end
return skipped
