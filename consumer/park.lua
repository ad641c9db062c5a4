#!lua flags=allow-oom
-- Moves items that have to wait from {Q}:inflight to {Q}:retry or {Q}:held, and
-- to {Q}:held with them, in the same call, all that stand behind them.
-- with held.lua
--
-- ARGV  1 owner  2 1: one of them was alone
--       3... for each item, who is before another one first: what, field, how,
--       the head of its envelope, its state (empty: stays)
--       what is "retry", and how: after so many milliseconds; "loose", the
--       same, and it leaves its lines for good; "later", the same until then,
--       when it gets a new number; "hold", on the
--       lane that is the last key of the head; "behind" an item that waits;
--       "behind" one that is in flight or waits in {Q}:held, whose field stands
--       in how: were that gone, nobody would let this one come back, and it
--       stays in {Q}:inflight
-- Answers {places that wait, fields that stayed...}.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return redis.error_reply('LEASE another consumer has it')
end

ask()
local now, stayed = clock(), {}
for i = 3, #ARGV, 5 do
    local what, field, how, head, state = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3],
        ARGV[i + 4]
    local record = redis.call('HGET', KEYS[2], field)
    if record and what == 'behind' and how ~= '' and redis.call('HEXISTS', KEYS[2], how) == 0
        and redis.call('HEXISTS', KEYS[5], how) == 0
    then
        stayed[#stayed + 1] = field
    elseif record then
        if state ~= '' then
            redis.call('HSET', KEYS[4], field, state)
        end
        local keys = keys_of(head)
        local out = what == 'loose' or what == 'later'
        if out then
            redis.call('ZADD', KEYS[6], now + how,
                field .. (what == 'later' and ' 00\n' or ' 0\n') .. record)
        elseif what == 'retry' then
            redis.call('ZADD', KEYS[6], now + how, field .. ' ' .. head .. record)
        else
            redis.call('HSET', KEYS[5], field, head .. record)
        end
        redis.call('HDEL', KEYS[2], field)
        if out then
            for _, key in ipairs(keys) do
                release(nil, key)   -- no room: they become due
            end
        else
            line_up(field, keys)
        end
    end
end
if ARGV[2] == '1' then
    redis.call('HDEL', KEYS[1], 'alone')
end
table.insert(stayed, 1, redis.call('ZCARD', KEYS[7]))
return stayed
