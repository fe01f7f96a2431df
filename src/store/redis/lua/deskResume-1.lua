-- Gives a call to another controller. Phones that ring for it are let go; one that talks is kept.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] controller id
-- ARGV[3] call id
-- ARGV[4] 1 = only if no other controller drives it
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = { state, request, queue, offer, agent }, 'unknown' or 'taken'; -1 when this controller has no lease }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local controller, call = ARGV[2], ARGV[3]
if not redis.call('ZSCORE', base .. 'leases', controller) then return desk.reply(-1) end
local former, orphan, callBack = desk.get('call', call, 'controller', 'orphan', 'callBack')
if not former then return desk.reply('unknown') end
-- Nobody is on the line: there is no call to take over.
if callBack and former ~= controller then return desk.reply('taken') end
if former ~= controller or orphan then
  if ARGV[4] == '1' and former ~= controller and not orphan then return desk.reply('taken') end
  if not orphan then desk.orphan(call) end
  -- Their legs are ended by whoever takes the call over.
  if former ~= controller then desk.endListening(call) end
  desk.unremind('orphan', call)
  redis.call('HDEL', base .. 'call:' .. call, 'orphan', 'ignored')
  desk.set('call', call, 'controller', controller)
  redis.call('SREM', base .. 'calls:' .. former, call)
  redis.call('SREM', base .. 'lost:' .. former, call)
  redis.call('SADD', base .. 'calls:' .. controller, call)
  if redis.call('SREM', base .. 'held:' .. former, call) == 1 then
    redis.call('SADD', base .. 'held:' .. controller, call)
    desk.tell(controller, desk.overflowMessage(call))
  end
  local state, offer = desk.get('call', call, 'state', 'offer')
  if offer then desk.set('offer', offer, 'controller', controller) end
  if state == 'waiting' then desk.wait(call) end
end
local state, request, queue, offer, agent = desk.get('call', call, 'state', 'request', 'queue', 'offer', 'agent')
return desk.reply({ state = state, request = request, queue = queue, offer = offer or nil, agent = agent or nil })
