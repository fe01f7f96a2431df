-- Puts a caller into the line of a queue. One who is known keeps the place.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] controller id
-- ARGV[3] call id
-- ARGV[4] queue id
-- ARGV[5] account id
-- ARGV[6] priority, 9 first to 0
-- ARGV[7] when the wait began, ms; '' = now
-- ARGV[8] longest wait, ms; '' = the queue's
-- ARGV[9] needs as JSON { language, skills = level by name }
-- ARGV[10] the request as JSON, kept for whoever takes the call over
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'full', 'unknown-queue' or the position; -1 when this controller has no lease }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local controller, call, queueId = ARGV[2], ARGV[3], ARGV[4]
if not redis.call('ZSCORE', base .. 'leases', controller) then return desk.reply(-1) end
local known = desk.get('call', call, 'controller')
if known then return desk.reply(desk.position(call) or 0) end
local queue = desk.queue(queueId)
if not queue then return desk.reply('unknown-queue') end
if desk.isFull(queue) then return desk.reply('full') end
local atMs = math.min(nowMs, tonumber(ARGV[7]) or nowMs)
desk.set('call', call, 'controller', controller, 'queue', queueId, 'account', ARGV[5], 'at', atMs,
  'score', string.format('%.0f', desk.score(tonumber(ARGV[6]), atMs)), 'asked', ARGV[9], 'needs', '', 'request', ARGV[10])
if ARGV[8] ~= '' then desk.set('call', call, 'maxWaitMs', ARGV[8]) end
redis.call('SADD', base .. 'calls:' .. controller, call)
desk.enterLine(call, queue, atMs)
return desk.reply(desk.position(call))
