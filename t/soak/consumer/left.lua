-- What is left of queues that are worked off, for scripts/soak consumer: there
-- should be nothing.
--
-- KEYS  the lists
-- Answers lines of words.

local left = {}
local function note(...)
    if #left < 20 then
        left[#left + 1] = table.concat({...}, ' ')
    end
end

for _, list in ipairs(KEYS) do
    local q = '{' .. list .. '}:'
    for _, line in ipairs(redis.call('ZRANGE', q .. 'lines', 0, 4)) do
        note(list, 'line', line)
    end
    if redis.call('EXISTS', q .. 'lease') == 1 then
        note(list, 'lease', redis.call('HGET', q .. 'lease', 'owner') or '?')
    end

    -- letters that a status may settle, who crashed last, and a zero may stay
    local dead = redis.call('LRANGE', q .. 'dead', 0, -1)
    local letters = {}
    for _, letter in ipairs(dead) do
        letters[letter] = true
    end
    local state = redis.call('HGETALL', q .. 'state')
    for i = 1, #state, 2 do
        local name, value = state[i], state[i + 1]
        local size = string.match(value, '^%d+ ()')
        if not (name == 'crashed' or name == 'requeued' and value == '0'
            or string.match(name, '^ref:') and size and letters[string.sub(value, size)])
        then
            note(list, 'state', name, string.sub(value, 1, 100))
        end
    end
    if tonumber(redis.call('HGET', q .. 'count', 'dead') or 0) ~= #dead then
        note(list, 'counts', redis.call('HGET', q .. 'count', 'dead') or 'no', 'dead and has', #dead)
    end
end
return left
