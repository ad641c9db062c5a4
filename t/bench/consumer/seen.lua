-- Fills a bucket of {Q}:seen:* with ids that nobody has, for scripts/bench
-- consumer: a field for the first bits of an id's 10 bytes, its value the last
-- 9 of each that begins so.
--
-- KEYS  1 the bucket
-- ARGV  1 how many ids  2 seed  3 bits

math.randomseed(tonumber(ARGV[2]))
local random, char, concat = math.random, string.char, table.concat
local step = 2 ^ (16 - ARGV[3])

local many = {}
for n = 0, 65535, step do
    many[n] = 0
end
for _ = 1, tonumber(ARGV[1]) do
    local n = step * random(0, 65536 / step - 1)
    many[n] = many[n] + 1
end

for n = 0, 65535, step do
    local parts = {}
    for i = 1, many[n] do
        parts[i] = char(n % 256 + random(0, math.min(step, 256) - 1), random(0, 255),
            random(0, 255), random(0, 255), random(0, 255), random(0, 255), random(0, 255),
            random(0, 255), random(0, 255))
    end
    if many[n] > 0 then
        redis.call('HSET', KEYS[1], char(math.floor(n / 256), n % 256), concat(parts))
    end
end
return redis.call('HLEN', KEYS[1])
