-- The caller hangs up but keeps the place in the line, to be called back when their turn comes.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true, or false when the caller has an agent
-- or is not there }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local call = ARGV[2]
local state, controller, orphan, queue, needs =
  desk.get('call', call, 'state', 'controller', 'orphan', 'queue', 'needs')
if state ~= 'waiting' and state ~= 'offered' and state ~= 'held' then return desk.reply(false) end
if redis.call('SADD', base .. 'callBacks', call) == 0 then return desk.reply(true) end
desk.withdraw(call)
desk.takeOut(call, queue, needs)
redis.call('SREM', base .. 'held:' .. controller, call)
redis.call('SREM', base .. 'lost:' .. controller, call)
desk.unremind('wait', call)
desk.unremind('orphan', call)
redis.call('HDEL', base .. 'call:' .. call, 'orphan', 'overdue', 'ignored', 'step', 'why')
desk.set('call', call, 'callBack', 1)
desk.remind('expiry', call, nowMs + desk.callBackExpiryMs)
desk.wait(call)
return desk.reply(true)
