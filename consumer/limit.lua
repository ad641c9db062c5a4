#!lua flags=allow-oom
-- Takes room for calls, for each on all of its lanes or on none, and counts
-- what was given.  Moves nothing but times.
--
-- KEYS  two for each lane: meta:limit:LANE, then meta:limit:stop:LANE
-- ARGV  1 numbers: for each lane interval (us, 0: no rate), burst, window (us,
--         or 0) and what was given; then for each call how many lanes, and
--         for each of these which and its cost.  Burst, given and cost count
--         in thousandths
-- Answers two numbers a call: 0 and a mask of the lanes where it is the probe;
-- or which of its lanes has no room for longest (100 more where that lane is
-- stopped), and for how many us.
--
-- meta:limit:LANE holds when all that was taken is paid back (GCRA), and with
-- a window when the burst began.  It is Redis's time, and the key goes with it.
-- Without a window an idle lane lets a burst through and then one call an
-- interval.  With a window what goes beyond one call an interval must do so
-- within it, and is paid back whole before the next call.
-- meta:limit:stop:LANE is limit_stop.lua's.

local PROBE = 30000000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lanes, a, at = {}, {}, 0

for word in string.gmatch(ARGV[1], '%d+') do
    a[#a + 1] = tonumber(word)
end

local function next_number()
    at = at + 1
    return a[at]
end

local values = #KEYS > 0 and redis.call('MGET', unpack(KEYS)) or {}

for i = 1, #KEYS / 2 do
    local lane = {interval = next_number() / 1000, burst = next_number(),
                  window = next_number(), free = now, start = 0, stopped = 0}
    local given = next_number()
    if values[2 * i - 1] then
        local free, start = string.match(values[2 * i - 1], '^(%d+) (%d+)$')
        lane.free = math.max(tonumber(free) or now, now)
        lane.start = tonumber(start) or 0
    end
    -- a clock that was set back, a burst that was larger
    local most = now + math.max(lane.burst, 100000) * lane.interval
    if lane.free > most then
        lane.free, lane.changed = most, true
    end
    if given > 0 and lane.interval > 0 then
        lane.free = math.max(lane.free, math.min(lane.free + given * lane.interval,
                                                 now + lane.burst * lane.interval))
        lane.changed = true
    end
    if values[2 * i] then
        local good, stop = pcall(cjson.decode, values[2 * i])
        if good and type(stop) == 'table' then
            local left = redis.call('PTTL', KEYS[2 * i]) * 1000
            local ends = tonumber(stop['until']) or 0
            if ends * 1000 <= now then
                ends, lane.probes = tonumber(stop.probe) or 0, stop
            end
            lane.stopped = math.max(math.min(ends * 1000 - now, left), 0)
        end
    end
    lanes[i] = lane
end

local function wait(lane, cost)
    local debt = lane.free - now
    if lane.interval == 0 or debt <= 0 then
        return 0
    end
    if lane.window > 0 then
        local inside = now >= lane.start and now < lane.start + lane.window
            and debt + cost * lane.interval <= lane.burst * lane.interval
        return inside and 0 or debt
    end
    return math.max(debt - math.max(lane.burst - cost, 0) * lane.interval, 0)
end

local function take(lane, cost)
    if lane.window > 0 and lane.free <= now then
        lane.start = now
    end
    lane.free = lane.free + cost * lane.interval
    lane.changed = lane.changed or lane.interval > 0
end

local answers = {}

while at < #a do
    local n, which, longest, mask = next_number(), 0, 0, 0
    local first = at
    for k = 1, n do
        local lane, cost = lanes[next_number()], next_number()
        local stopped, ms = lane.stopped, wait(lane, cost)
        if math.max(stopped, ms) > longest then
            longest = math.max(stopped, ms)
            which = stopped >= ms and k + 100 or k
        end
    end
    if which == 0 then
        at = first
        for k = 1, n do
            local lane = lanes[next_number()]
            take(lane, next_number())
            if lane.probes then
                mask = mask + 2 ^ (k - 1)
                lane.probes.probe = math.floor((now + PROBE) / 1000)
                lane.stopped = PROBE
                lane.probed = true
            end
        end
    end
    answers[#answers + 1] = which
    answers[#answers + 1] = which == 0 and mask or math.ceil(longest)
end

for i, lane in ipairs(lanes) do
    if lane.changed and lane.free > now then
        redis.call('SET', KEYS[2 * i - 1],
                   string.format('%.0f %.0f', math.ceil(lane.free), lane.start),
                   'PX', math.ceil((lane.free - now) / 1000) + 1000)
    end
    if lane.probed then
        redis.call('SET', KEYS[2 * i], cjson.encode(lane.probes), 'PX',
                   math.max(redis.call('PTTL', KEYS[2 * i]), PROBE / 1000))
    end
end

return answers
