-- Where callers stand, and how long they will wait by the handling times measured.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] (and following) call ids
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = list of { callId, position, estimateMs } }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local rates, places = {}, {}
local function handlingPerAgentMs(queue)
  if rates[queue] == nil then
    local working = 0
    for _, agent in ipairs(redis.call('SMEMBERS', base .. 'members:' .. queue)) do
      local state = desk.get('agent', agent, 'state')
      if state and state ~= 'offline' and state ~= 'break' then working = working + 1 end
    end
    local average = tonumber(redis.call('HGET', base .. 'handling:' .. queue, 'averageMs') or nil)
    rates[queue] = average and working > 0 and average / working or false
  end
  return rates[queue]
end
for index = 2, #ARGV do
  local queue = desk.get('call', ARGV[index], 'queue')
  local place = queue and desk.position(ARGV[index])
  if place then
    local rate = handlingPerAgentMs(queue)
    places[#places + 1] = { callId = ARGV[index], position = place, estimateMs = rate and math.floor(place * rate) or nil }
  end
end
return desk.reply(places)
