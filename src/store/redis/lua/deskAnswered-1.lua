-- An agent has answered. Granted to one: all others who ring for the caller are free again.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] offer id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'ok' or 'gone' }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local offer = ARGV[2]
local state, call, agent, transfer = desk.get('offer', offer, 'state', 'call', 'agent', 'transfer')
if not state then return desk.reply('gone') end
if state == 'answered' or state == 'connected' then return desk.reply('ok') end
desk.set('offer', offer, 'state', 'answered')
if transfer then
  -- The one who talks has the caller until they are connected.
  redis.call('HDEL', base .. 'agent:' .. agent, 'misses')
  desk.remind('offer', offer, nowMs + desk.connectMs)
  return desk.reply('ok')
end
desk.set('call', call, 'state', 'answered', 'offer', offer, 'agent', agent)
redis.call('HDEL', base .. 'agent:' .. agent, 'misses')
redis.call('HDEL', base .. 'call:' .. call, 'ignored', 'from')
redis.call('SREM', base .. 'ringing:' .. call, offer)
local callBack = desk.get('call', call, 'callBack')
desk.remind('offer', offer, nowMs + (callBack and desk.callBackMs or desk.connectMs))
desk.withdraw(call)
return desk.reply('ok')
