#!lua flags=allow-oom
-- A call has passed on lanes that were stopped: what is left of stops that are
-- over goes, one that stands stays.  Moves nothing.
--
-- KEYS  any number of meta:limit:stop:LANE
-- Answers for each for how many ms it is stopped now, 0 if it is free.

local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

local left = {}

for i, key in ipairs(KEYS) do
    local good, stop = pcall(cjson.decode, redis.call('GET', key) or '')
    left[i] = 0
    if good and type(stop) == 'table' then
        left[i] = math.ceil(math.max((tonumber(stop['until']) or 0) - now, 0))
        if left[i] == 0 then
            redis.call('DEL', key)
        end
    end
end

return left
