-- What an agent wants to be: now, or once the present call is over.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] agent id
-- ARGV[3] available, break or offline
-- ARGV[4] reason
-- ARGV[5] who asks for it
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true, or false when there is no such agent }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local agent, wanted, reason, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not desk.profile(agent) then return desk.reply(false) end
local state, current = desk.get('agent', agent, 'state', 'wanted')
desk.set('agent', agent, 'wanted', wanted, 'wantedReason', reason, 'wantedBy', by)
local busy = state == 'reserved' or state == 'ringing' or state == 'talking'
-- Wrap-up is not cut short by being available again: that is what ending it is for.
if busy or (state == 'wrap-up' and wanted == 'available') then return desk.reply(true) end
if state == wanted and wanted ~= 'break' then
  redis.call('HDEL', base .. 'agent:' .. agent, 'wantedBy')
  return desk.reply(true)
end
if state == 'wrap-up' then
  desk.endWrapUp(agent)
  return desk.reply(true)
end
if state == 'available' then desk.leaveFree(agent) end
redis.call('HDEL', base .. 'agent:' .. agent, 'misses')
if wanted == 'available' then
  desk.set('agent', agent, 'idle', nowMs)
  for _, queue in ipairs(desk.profile(agent).queues) do desk.unremind('nobody', queue) end
end
desk.letGo(agent)
return desk.reply(true)
