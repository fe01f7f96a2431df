-- The phones of an agent that are registered now.
-- KEYS[1] contacts of the agent: hash, JSON by "<phone>\0<binding id>"
-- Result: JSON of each contact, with expiresInMs
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local result = {}
for _, json in ipairs(redis.call('HVALS', KEYS[1])) do
  local contact = cjson.decode(json)
  contact.expiresInMs = contact.expiresAtMs - nowMs
  if contact.expiresInMs > 0 then result[#result + 1] = cjson.encode(contact) end
end
return result
