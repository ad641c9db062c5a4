#!lua flags=allow-oom
-- A call has passed on lanes that were stopped: what is left of stops that are
-- over goes, one that stands stays.  Moves nothing.
--
-- KEYS  any number of meta:limit:stop:LANE
-- Answers for each 1 if the lane is free now, 0 if it is stopped.

local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

local free = {}

for i, key in ipairs(KEYS) do
    local good, stop = pcall(cjson.decode, redis.call('GET', key) or '')
    free[i] = 1
    if good and type(stop) == 'table' then
        if (tonumber(stop['until']) or 0) <= now then
            redis.call('DEL', key)
        else
            free[i] = 0
        end
    end
end

return free
