-- Ends the registrations of one phone of an agent, or of all.
-- KEYS[1] contacts of the agent: hash, JSON by "<phone>\0<binding id>"
-- ARGV[1] the phone; '' = all
-- Result: how many there were
local gone = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if ARGV[1] == '' or string.sub(field, 1, #ARGV[1] + 1) == ARGV[1] .. '\0' then
    gone = gone + redis.call('HDEL', KEYS[1], field)
  end
end
return gone
