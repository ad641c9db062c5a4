-- Makes records of WhatsApp text messages as the edge writes them, for
-- scripts/bench consumer and scripts/soak consumer.
--
-- KEYS  1 the list
-- ARGV  1 how many  2 number of the first  3 run, in every id  4 how many users
--       5 the phone number's id
-- Answers how many bytes they have.

local list, count, first = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local run, users, phone = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local now = redis.call('TIME')[1]       -- whose message is old is not answered
local form = '{"v":1,"id":"%s","app":"1234567890","object":"whatsapp_business_account",'
    .. '"entry":"102290129340398","time":' .. now .. '000,"field":"messages","key":"%s:%s",'
    .. '"delivery":"%032x","n":0,"of":1,"received_at":' .. now .. '123,"event":'
    .. '{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550001111",'
    .. '"phone_number_id":"%s"},"contacts":[{"profile":{"name":"Thandi M\\u00f6ller"},'
    .. '"wa_id":"%s"}],"messages":[{"from":"%s","id":"%s","timestamp":"' .. now .. '",'
    .. '"text":{"body":"Do you deliver to Salt River \\/ today? \\ud83d\\ude00"},'
    .. '"type":"text"}]},"field":"messages"}}'

local bytes, some = 0, {}
for n = first, first + count - 1 do
    local user = string.format('%.0f', 27820000000 + n % users)
    local id = string.format('wamid.%s.%d', run, n)
    local record = string.format(form, id, phone, user, n, phone, user, user, id)
    bytes = bytes + #record
    some[#some + 1] = record
    if #some == 100 or n == first + count - 1 then
        redis.call('RPUSH', list, unpack(some))
        some = {}
    end
end
return bytes
