-- Caller and agent hear each other: only now the caller leaves the line, or the agent who had them before.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] offer id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'ok' or 'gone' }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local offer = ARGV[2]
local state, call, agent, controller, transfer =
  desk.get('offer', offer, 'state', 'call', 'agent', 'controller', 'transfer')
if state == 'connected' then return desk.reply('ok') end
if state ~= 'answered' then return desk.reply('gone') end
if transfer then
  desk.part(call)
  redis.call('HDEL', base .. 'offer:' .. offer, 'transfer')
  redis.call('HDEL', base .. 'call:' .. call, 'transfer')
  desk.set('call', call, 'offer', offer, 'agent', agent)
end
desk.set('offer', offer, 'state', 'connected', 'connectedAt', nowMs)
desk.unremind('offer', offer)
redis.call('SREM', base .. 'offers:' .. controller, offer)
local counted, callBack, at, queue = desk.get('call', call, 'counted', 'callBack', 'at', 'queue')
if not counted and not callBack then
  local waitMs = math.max(0, nowMs - tonumber(at))
  desk.count(queue, 'answered', 1, 'inTime', waitMs <= 20000 and 1 or 0, 'waitMs', waitMs)
end
desk.set('call', call, 'state', 'talking', 'counted', 1)
redis.call('HDEL', base .. 'call:' .. call, 'overdue', 'moves')
desk.leaveLine(call)
desk.endCallBack(call)
redis.call('HINCRBY', base .. 'agent:' .. agent, 'served', 1)
desk.setState(agent, 'talking', '', call)
return desk.reply('ok')
