-- How it stands with a queue.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] queue id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = { waiting, longestWaitMs, agents = number by state, handlingMs } or null }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local queue = ARGV[2]
if not desk.queue(queue) then return desk.reply(cjson.null) end
local agents = {}
for _, agent in ipairs(redis.call('SMEMBERS', base .. 'members:' .. queue)) do
  local state = desk.get('agent', agent, 'state') or 'offline'
  agents[state] = (agents[state] or 0) + 1
end
local oldestMs = nowMs
-- Within one priority the first is the oldest.
for level = 0, 10 do
  local band = level * 1e14
  local first = redis.call('ZRANGE', base .. 'line:' .. queue, band, band + 1e14 - 1, 'BYSCORE', 'LIMIT', 0, 1)[1]
  if first then oldestMs = math.min(oldestMs, tonumber((desk.get('call', first, 'at')))) end
end
return desk.reply({
  waiting = redis.call('ZCARD', base .. 'line:' .. queue),
  longestWaitMs = nowMs - oldestMs,
  agents = agents,
  handlingMs = tonumber(redis.call('HGET', base .. 'handling:' .. queue, 'averageMs') or nil),
})
