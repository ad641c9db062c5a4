#!lua flags=no-writes
-- What is stored of some tokens; moves nothing.
--
-- KEYS  meta:token:NAME, any number
-- Answers for each {field, value, ...}, empty where there is none.

local answer = {}

for i, key in ipairs(KEYS) do
    local hash = redis.pcall('HGETALL', key)
    if hash.err and not string.find(hash.err, 'WRONGTYPE', 1, true) then
        return hash
    end
    answer[i] = hash.err and {} or hash
end

return answer
