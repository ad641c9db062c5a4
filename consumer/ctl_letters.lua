#!lua flags=no-writes
-- Reads the heads of dead letters, without what they carry; moves nothing.
--
-- KEYS  1 {Q}:dead
-- ARGV  1 index of the first  2 how many at most  3 how many bytes at most
-- Answers {id, letter up to its item, where the item begins, its size, the
-- record without its event or the whole of a short job or "", ...}.

local MAX_JOB = 65536
local MAX_READ = 16 * 1024 * 1024     -- Redis answers nobody meanwhile

for _, c in ipairs({{'LLEN', KEYS[1]}, {'LINDEX', KEYS[1], '0'}}) do
    if redis.acl_check_cmd(unpack(c)) ~= true then
        return redis.error_reply('NOPERM the user may not run ' .. c[1] .. ' on ' .. c[2])
    end
end

-- where the value of the member "item" begins: what is quoted before it, or
-- stands deeper, is passed over
local function item_at(letter)
    local depth, p = 0, 1
    while true do
        local i, _, what = string.find(letter, '(["{}%[%]])', p)
        if not i then
            return nil
        end
        p = i + 1
        if what == '{' or what == '[' then
            depth = depth + 1
        elseif what ~= '"' then
            depth = depth - 1
        else
            local e
            repeat
                e = string.find(letter, '["\\]', p)
                if not e then
                    return nil
                end
                local escape = string.sub(letter, e, e) == '\\'
                p = e + (escape and 2 or 1)
            until not escape
            if depth == 1 and string.sub(letter, i, p) == '"item":' then
                return p + 1
            end
        end
    end
end

local answer, bytes, read = {}, tonumber(ARGV[3]), 0
local last = math.min(tonumber(ARGV[1]) + tonumber(ARGV[2]), redis.call('LLEN', KEYS[1])) - 1
for index = tonumber(ARGV[1]), last do
    local letter = redis.call('LINDEX', KEYS[1], index)
    local at = item_at(letter)
    local head, short = letter, ''
    if at then
        head = string.sub(letter, 1, at - 1)
        local event = string.find(string.sub(letter, at, at + 2559), ',"event":', 1, true)
        if event then
            short = string.sub(letter, at, at + event - 2) .. '}'
        elseif #letter - at < MAX_JOB then
            short = string.sub(letter, at, -2)
        end
    end
    for _, v in ipairs({string.sub(redis.sha1hex(letter), 1, 12), head, at or 0, #letter - (at or 0),
        short})
    do
        answer[#answer + 1] = v
    end
    bytes = bytes - #head - #short
    read = read + #letter
    if bytes <= 0 or read > MAX_READ then
        break
    end
end
return answer
