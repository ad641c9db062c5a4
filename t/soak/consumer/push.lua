-- Appends records to a list exactly once, however often it is asked after a
-- reply was lost, for scripts/soak consumer.
--
-- KEYS  1 the list  2 how many steps were made
-- ARGV  1 number of this step  2... records
-- Answers how many steps were made.

local step = tonumber(ARGV[1])
if tonumber(redis.call('GET', KEYS[2]) or 0) < step then
    redis.call('SET', KEYS[2], step)
    for i = 2, #ARGV do
        redis.call('RPUSH', KEYS[1], ARGV[i])
    end
end
return step
