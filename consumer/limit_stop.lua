#!lua flags=allow-oom
-- Stops a lane for all consumers.  Moves nothing.
--
-- KEYS  1 meta:limit:stop:LANE
-- ARGV  1 ms  2 by what a guess grows, 0: ms is exact  3 why  4 who says so
-- Answers for how many ms it is stopped now.
--
-- A stop that comes while it is stopped only makes it longer, for calls that
-- were on their way fail together.  One that comes later, but before a call
-- has passed, grows.  What is left behind the end is for the probe: one call
-- goes, and its success (limit_passed.lua) or time ends it all.

local HOUR, REST = 3600000, 60000

local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
local ms, grows = tonumber(ARGV[1]), tonumber(ARGV[2])
local old = redis.call('GET', KEYS[1])
local good, stop = pcall(cjson.decode, old or '')

if not old or not good or type(stop) ~= 'table' then
    stop = nil
end

local ends = stop and tonumber(stop['until']) or 0
local last = stop and tonumber(stop.ms) or 0

if ends > now then
    ends = math.max(ends, now + ms)
    ms = math.max(last, ms)
else
    if grows > 1 then
        ms = math.min(math.max(ms, last * grows), math.max(ms, HOUR))
    end
    ends = now + ms
end

redis.call('SET', KEYS[1], cjson.encode({
    ['until'] = ends, since = stop and stop.since or now, ms = ms,
    why = ARGV[3], by = ARGV[4],
}), 'PX', ends - now + math.max(ms, REST))

return ends - now
