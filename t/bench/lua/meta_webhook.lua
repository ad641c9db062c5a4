-- The webhook as OpenResty's Lua module does it, for scripts/bench: the same
-- checks, answers and records as the module's, one RPUSH, the 200 after Redis'
-- reply.  Written to be fast: an HMAC from two prepared SHA-256 states, one
-- encode an event, a pool of kept connections.
--
-- It knows WhatsApp's messages and statuses; ids of anything else are hashes.
-- The event is encoded anew, so its bytes are not those that Meta signed.

local cjson = require "cjson.safe"
local ffi = require "ffi"
local redis = require "nginx.redis"
local sha256 = require "nginx.sha256"
local to_hex = require("nginx.string").to_hex

local C = ffi.C
local byte, lower, sub, find = string.byte, string.lower, string.sub, string.find
local unpack, tonumber, type = unpack, tonumber, type

ffi.cdef [[
int CRYPTO_memcmp(const void *a, const void *b, size_t len);
]]

local POOL, IDLE_MS, TIMEOUT_MS = 64, 60000, 5000
local MAX_PUSH = 4000           -- arguments that one Lua call surely takes
local KINDS = { "changes", "messaging", "standby" }

local _M = {}
local config, inner, outer
local ctx_size = ffi.sizeof("SHA256_CTX")
local ctx = ffi.new("SHA256_CTX")
local digest = ffi.new("unsigned char[32]")

-- the state after the key's block, from which each HMAC goes on
local function keyed(key, mask)
    local state = ffi.new("SHA256_CTX")
    local block = ffi.new("unsigned char[64]")
    for i = 0, 63 do
        block[i] = bit.bxor(byte(key, i + 1) or 0, mask)
    end
    C.SHA256_Init(state)
    C.SHA256_Update(state, block, 64)
    return state
end

function _M.setup(c)
    local key = c.secret
    if #key > 64 then
        local h = sha256:new()
        h:update(key)
        key = h:final()
    end
    config, inner, outer = c, keyed(key, 0x36), keyed(key, 0x5c)
end

local function hmac(body)
    ffi.copy(ctx, inner, ctx_size)
    C.SHA256_Update(ctx, body, #body)
    C.SHA256_Final(digest, ctx)
    ffi.copy(ctx, outer, ctx_size)
    C.SHA256_Update(ctx, digest, 32)
    C.SHA256_Final(digest, ctx)
    return to_hex(ffi.string(digest, 32))
end

local function answer(status, text)
    ngx.status = status
    ngx.header["Cache-Control"] = "no-store"
    ngx.header["Content-Type"] = "text/plain"
    ngx.header["Content-Length"] = #text
    ngx.print(text)
end

local function refuse(status)
    ngx.req.discard_body()
    return answer(status, "")
end

local function hash(object, entry, time, event)
    local h = sha256:new()
    h:update(object .. "\0" .. entry .. "\0" .. time .. "\0" .. event .. "\0")
    return "sha256:" .. sub(to_hex(h:final()), 1, 32)
end

-- digits, as text
local function milliseconds(t)
    if type(t) == "number" then
        t = string.format("%d", t)
    elseif type(t) ~= "string" or not find(t, "^%d+$") then
        return nil
    end
    return #t < 13 and t .. "000" or t
end

local quote = cjson.encode

-- id, key and time of a change that holds exactly one message or status
local function identify(change)
    local value = change.value
    if type(value) ~= "table" or type(value.metadata) ~= "table" then
        return
    end
    local phone = value.metadata.phone_number_id
    local messages, statuses = value.messages, value.statuses
    if messages and not statuses and #messages == 1 then
        local m = messages[1]
        local contact = value.contacts and value.contacts[1]
        local user = m.group_id or m.from_user_id or contact and contact.user_id or m.from
        return m.id, user and phone .. ":" .. user or phone, milliseconds(m.timestamp)
    end
    if statuses and not messages and #statuses == 1 then
        local s = statuses[1]
        return s.id .. ":" .. s.status, phone .. ":" .. s.id, milliseconds(s.timestamp)
    end
end

-- the events of a body, and beside each its entry and its field
local function collect(body)
    local events, entries, fields, n = {}, {}, {}, 0
    local function add(entry, event, field)
        n = n + 1
        events[n], entries[n], fields[n] = event, entry, field
    end

    local list = body.entry
    if type(list) ~= "table" or #list == 0 then
        add({}, body, body.field)
        return events, entries, fields
    end
    for i = 1, #list do
        local entry, before = list[i], n
        if type(entry) == "table" then
            for k = 1, #KINDS do
                local kind = KINDS[k]
                local found = entry[kind]
                for j = 1, type(found) == "table" and #found or 0 do
                    add(entry, found[j], kind == "changes" and found[j].field or kind)
                end
            end
        end
        if n == before then
            add(type(entry) == "table" and entry or {}, entry, "")
        end
    end
    return events, entries, fields
end

-- numbers and short texts are joined here: cjson's printf of a double costs more
-- than all of the text
local function records_of(body, delivery)
    local events, entries, fields = collect(body)
    local object = type(body.object) == "string" and body.object or ""
    local head = ',"app":"","object":' .. quote(object) .. ',"entry":'
    local middle = ',"delivery":"' .. delivery .. '","n":'
    local tail = ',"of":' .. #events .. ',"received_at":' .. ngx.now() * 1000 .. ',"event":'

    for i = 1, #events do
        local event, entry = events[i], entries[i]
        local id, key, time
        if type(event) == "table" then
            id, key, time = identify(event)
        end
        local account = type(entry.id) == "string" and entry.id or ""
        local json = cjson.encode(event)

        id = id or hash(object, account, tostring(entry.time or ""), json)
        time = time or milliseconds(entry.time) or "null"
        events[i] = '{"v":1,"id":' .. quote(id) .. head .. quote(account) .. ',"time":' .. time
            .. ',"field":' .. quote(fields[i] or "") .. ',"key":' .. quote(key or account)
            .. middle .. i - 1 .. tail .. json .. "}"
    end
    return events
end

-- true once Redis has counted them all
local function push(records)
    local red = redis:new()
    red:set_timeout(TIMEOUT_MS)
    if not red:connect(config.redis, { pool_size = POOL }) then
        return false
    end
    if #records > MAX_PUSH then     -- still all or none
        red:multi()
        for i = 1, #records, MAX_PUSH do
            red:rpush(config.list, unpack(records, i, math.min(i + MAX_PUSH - 1, #records)))
        end
        if type(red:exec()) ~= "table" then
            red:close()
            return false
        end
    elseif type(red:rpush(config.list, unpack(records))) ~= "number" then
        red:close()
        return false
    end
    red:set_keepalive(IDLE_MS, POOL)
    return true
end

function _M.webhook()
    if ngx.req.get_method() ~= "POST" then
        ngx.header["Allow"] = "POST"
        return refuse(405)
    end

    local signature = ngx.var.http_x_hub_signature_256
    if not signature or #signature ~= 71 or not find(signature, "^sha256=%x+$") then
        return refuse(401)
    end

    ngx.req.read_body()
    local bytes = ngx.req.get_body_data()
    if not bytes then               -- larger than client_body_buffer_size, or empty
        local path = ngx.req.get_body_file()
        local file = path and io.open(path, "rb")
        bytes = file and file:read("*a") or ""
        if file then
            file:close()
        end
    end

    if C.CRYPTO_memcmp(hmac(bytes), lower(sub(signature, 8)), 64) ~= 0 then
        return answer(401, "")
    end

    local body = find(bytes, "^%s*{") and cjson.decode(bytes)
    if not body then
        return answer(400, "")
    end

    if not push(records_of(body, ngx.var.request_id)) then
        ngx.header["Retry-After"] = 5
        return answer(503, "")
    end
    return answer(200, "EVENT_RECEIVED")
end

return _M
