-- The caller who was to be handed to a queue is to stay with the agent, whether or not that has been done.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- ARGV[3] the offer by which the agent has, or had, the caller
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true: they talk; false: it has been done for
-- good }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local call, offer = ARGV[2], ARGV[3]

-- The caller was never handed over: the two have gone on talking. False: it cannot be undone any more.
local function takeBack()
  local state, controller, json, orphan = desk.get('call', call, 'state', 'controller', 'from', 'orphan')
  local from = json and cjson.decode(json)
  if orphan or not from or from.offer ~= offer or state == 'answered' or state == 'served' then return false end
  local agent = from.agent
  local doing, listens = desk.get('agent', agent, 'state', 'listens')
  if not desk.profile(agent) or listens or doing == 'reserved' or doing == 'ringing' or doing == 'talking' then
    return false
  end
  desk.withdraw(call)
  desk.leaveLine(call)
  redis.call('SREM', base .. 'held:' .. controller, call)
  redis.call('HDEL', base .. 'call:' .. call, 'from', 'overdue', 'step')
  if doing == 'available' then desk.leaveFree(agent) end
  desk.unremind('agent', agent)
  redis.call('HDEL', base .. 'agent:' .. agent, 'handledSince', 'handledIn')
  desk.set('offer', offer, 'call', call, 'agent', agent, 'controller', controller, 'queue', from.queue,
    'state', 'connected', 'connectedAt', from.since)
  desk.set('agent', agent, 'offer', offer, 'call', call)
  desk.setState(agent, 'talking', '', call)
  desk.set('call', call, 'state', 'talking', 'queue', from.queue, 'asked', from.asked, 'offer', offer, 'agent', agent)
  return true
end

local isKnown, present = desk.get('call', call, 'controller', 'offer')
-- Of a call that is not there nothing can have been done.
if not isKnown or present == offer then return desk.reply(true) end
return desk.reply(takeBack())
