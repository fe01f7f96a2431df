-- Puts a caller into the line of another queue; the age is kept, and the language, but not the skills asked for.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- ARGV[3] queue id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'gone', 'full', 'unknown-queue' or the position }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local call, queueId = ARGV[2], ARGV[3]

-- Who has the caller now, for deskStay.
local function noteTalk()
  local state, offer, agent, queue, asked = desk.get('call', call, 'state', 'offer', 'agent', 'queue', 'asked')
  -- A repeat.
  if state ~= 'talking' then return end
  local since = desk.get('offer', offer, 'connectedAt')
  desk.set('call', call, 'from', cjson.encode({ offer = offer, agent = agent, queue = queue, asked = asked, since = since }))
end

local controller, current = desk.get('call', call, 'controller', 'queue')
if not controller then return desk.reply('gone') end
local queue = desk.queue(queueId)
if not queue then return desk.reply('unknown-queue') end
if current ~= queueId and desk.isFull(queue) then return desk.reply('full') end
noteTalk()
desk.withdraw(call)
desk.cancelTransfer(call)
desk.part(call)
desk.leaveLine(call)
redis.call('SREM', base .. 'held:' .. controller, call)
redis.call('HDEL', base .. 'call:' .. call, 'maxWaitMs', 'moves')
if current ~= queueId then desk.dropSkills(call) end
desk.enterLine(call, queue, nowMs)
return desk.reply(desk.position(call))
