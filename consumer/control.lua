#!lua flags=allow-oom
-- What people have paused, and how long lanes stay stopped.  Takes pauses that
-- are over out of meta:control, moves nothing else.
--
-- KEYS  1 meta:control  then any number of meta:limit:stop:LANE
-- Answers {field, ms, field, ms...} of the pauses, -1: until resumed; and the
-- ms that each of the stops still lasts, 0: it is over, or was ended.
--
-- meta:control: "queue:NAME", "lane:NAME" or "account:ID" -> JSON {until (ms,
-- or null), by, why, since}.  What is no JSON pauses until it is resumed.

local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
local pauses, stops = {}, {}

for i = 1, #all, 2 do
    local good, pause = pcall(cjson.decode, all[i + 1])
    local ends = good and type(pause) == 'table' and tonumber(pause['until'])
    if ends and ends <= now then
        redis.call('HDEL', KEYS[1], all[i])
    else
        pauses[#pauses + 1] = all[i]
        pauses[#pauses + 1] = ends and ends - now or -1
    end
end

for i = 2, #KEYS do
    local good, stop = pcall(cjson.decode, redis.call('GET', KEYS[i]) or '')
    local left = 0
    if good and type(stop) == 'table' then
        left = (tonumber(stop['until']) or 0) - now
        if left <= 0 then
            left = (tonumber(stop.probe) or 0) - now
        end
    end
    stops[i - 1] = math.max(math.ceil(left), 0)
end

return {pauses, stops}
