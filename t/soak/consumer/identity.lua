-- What is where in some queues, all at one moment, for scripts/soak consumer.
--
-- KEYS  the lists
-- Answers for each {length of the list and of {Q}:urgent, taken, in flight,
-- held, retry, dead, done, parts}; done: worked, duplicate, unmatched, expired,
-- dropped.

local all = {}
for _, list in ipairs(KEYS) do
    local q = '{' .. list .. '}:'
    local done = 0
    local count = redis.call('HMGET', q .. 'count', 'worked', 'duplicate', 'unmatched', 'expired',
        'dropped', 'taken', 'parts')
    for i = 1, 5 do
        done = done + (tonumber(count[i] or 0) or 0)
    end
    all[#all + 1] = {redis.call('LLEN', list) + redis.call('LLEN', q .. 'urgent'),
        tonumber(count[6] or 0) or 0, redis.call('HLEN', q .. 'inflight'),
        redis.call('HLEN', q .. 'held'), redis.call('ZCARD', q .. 'retry'),
        redis.call('LLEN', q .. 'dead'), done, tonumber(count[7] or 0) or 0}
end
return all
