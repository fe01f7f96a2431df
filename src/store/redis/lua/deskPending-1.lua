-- What a controller has to act on now.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] controller id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = { moved = { callId, queueId } by
-- overflow, offers, overflows, lost = call ids } }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local moved, offers, overflows = {}, {}, {}
for _, call in ipairs(redis.call('SMEMBERS', base .. 'calls:' .. ARGV[2])) do
  local moves, queue = desk.get('call', call, 'moves', 'queue')
  if moves then moved[#moved + 1] = { callId = call, queueId = queue } end
end
for _, offer in ipairs(redis.call('SMEMBERS', base .. 'offers:' .. ARGV[2])) do
  offers[#offers + 1] = desk.describe(offer)
end
for _, call in ipairs(redis.call('SMEMBERS', base .. 'held:' .. ARGV[2])) do
  overflows[#overflows + 1] = desk.overflowMessage(call)
end
local lost = redis.call('SMEMBERS', base .. 'lost:' .. ARGV[2])
return desk.reply({ moved = moved, offers = offers, overflows = overflows, lost = lost })
