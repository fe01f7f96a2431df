-- A supervisor listens to a talk: an agent among those who are offered callers is offered none meanwhile.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- ARGV[3] agent id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'ok', or 'busy' when the agent has a caller, or listens elsewhere }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local call, agent = ARGV[2], ARGV[3]
if not desk.profile(agent) or redis.call('EXISTS', base .. 'call:' .. call) == 0 then return desk.reply('ok') end
local state, listens = desk.get('agent', agent, 'state', 'listens')
if listens == call then return desk.reply('ok') end
if listens or state == 'reserved' or state == 'ringing' or state == 'talking' then return desk.reply('busy') end
desk.set('call', call, 'listener:' .. agent, 1)
desk.set('agent', agent, 'listens', call)
if state == 'available' then
  desk.leaveFree(agent)
  desk.letGo(agent)
end
return desk.reply('ok')
