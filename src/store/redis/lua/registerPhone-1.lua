-- Does what a REGISTER asks, all of it or nothing (RFC 3261, 10.3, steps 6 to 8).
-- KEYS[1] contacts of the agent: hash, JSON by "<phone>\0<binding id>"
-- ARGV[1] phone, [2] Call-ID, [3] CSeq number, [4] most contacts of an agent
-- ARGV[5] "all" (every binding of the phone ends) or "some"
-- ARGV[6…] JSON of each change: bindingId, expiresMs, and what is kept of the contact
-- Result: "ok", "anew" or "refreshed", then the phone's contacts as JSON with expiresInMs; or "out-of-order"; or "too-many"
local phone, callId, cseq, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local contacts, count = {}, 0
local stored = redis.call('HGETALL', KEYS[1])
for index = 1, #stored, 2 do
  local contact = cjson.decode(stored[index + 1])
  if contact.expiresAtMs > nowMs then
    contacts[stored[index]] = contact
    count = count + 1
  end
end

local function isOutOfOrder(contact) return contact.callId == callId and cseq <= contact.cseq end
local function drop(field)
  if contacts[field] then count = count - 1 end
  contacts[field] = nil
end

if ARGV[5] == 'all' then
  local mine = {}
  for field, contact in pairs(contacts) do
    if contact.phone == phone then
      if isOutOfOrder(contact) then return {'out-of-order'} end
      mine[#mine + 1] = field
    end
  end
  for _, field in ipairs(mine) do drop(field) end
end

local changes = {}
for index = 6, #ARGV do
  local change = cjson.decode(ARGV[index])
  change.field = phone .. '\0' .. change.bindingId
  local before = contacts[change.field]
  if before and isOutOfOrder(before) then return {'out-of-order'} end
  changes[#changes + 1] = change
end

-- A device that starts anew has another Call-ID (10.2.4) and often another Contact: its old one leads nowhere.
local function dropFormerLives(change)
  if change.instance == '' then return end
  local former = {}
  for field, contact in pairs(contacts) do
    if contact.phone == phone and contact.instance == change.instance and contact.regId == change.regId
      and contact.callId ~= callId then former[#former + 1] = field end
  end
  for _, field in ipairs(former) do drop(field) end
end

-- The same device by the same way: it has only said that it is still there.
local function isRefresh(before, change)
  return before and before.callId == callId and before.source.transport == change.source.transport
    and before.source.address == change.source.address and before.source.port == change.source.port
end

local anew = false
for _, change in ipairs(changes) do
  local field = change.field
  anew = anew or (change.expiresMs > 0 and not isRefresh(contacts[field], change))
  drop(field)
  if change.expiresMs > 0 then
    dropFormerLives(change)
    change.field, change.bindingId = nil, nil
    change.phone, change.callId, change.cseq = phone, callId, cseq
    change.registeredAtMs, change.expiresAtMs = nowMs, nowMs + change.expiresMs
    change.expiresMs = nil
    contacts[field] = change
    count = count + 1
  end
end
if count > most then return {'too-many'} end

redis.call('DEL', KEYS[1])
local result, lastMs = {'ok', anew and 'anew' or 'refreshed'}, 0
for field, contact in pairs(contacts) do
  redis.call('HSET', KEYS[1], field, cjson.encode(contact))
  lastMs = math.max(lastMs, contact.expiresAtMs)
  if contact.phone == phone then
    contact.expiresInMs = contact.expiresAtMs - nowMs
    result[#result + 1] = cjson.encode(contact)
  end
end
if lastMs > 0 then redis.call('PEXPIREAT', KEYS[1], lastMs) end
return result
