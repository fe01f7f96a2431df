-- A waiting caller is moved: into the line of another queue with the age and the language kept
-- (not the skills asked for), or to the head of the line.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- ARGV[3] queue id
-- ARGV[4] 1 = to the head of the line
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'not-waiting', 'full', 'unknown-queue' or the position }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local call, queueId = ARGV[2], ARGV[3]
local state, controller, current, at = desk.get('call', call, 'state', 'controller', 'queue', 'at')
if state ~= 'waiting' and state ~= 'offered' and state ~= 'held' then return desk.reply('not-waiting') end
local queue = desk.queue(queueId)
if not queue then return desk.reply('unknown-queue') end
if current ~= queueId and desk.isFull(queue) then return desk.reply('full') end
local isFirst = ARGV[4] == '1'
-- A repeat, or nothing to do.
if current == queueId and not isFirst and state ~= 'held' then return desk.reply(desk.position(call)) end
if isFirst then
  -- Before everybody, also before those who were given the head of this line earlier.
  local score = desk.score(10, tonumber(at))
  local first, best = unpack(redis.call('ZRANGE', base .. 'line:' .. queueId, 0, 0, 'WITHSCORES'))
  if first then score = math.min(score, tonumber(best) - (first == call and 0 or 1)) end
  desk.set('call', call, 'score', string.format('%.0f', score))
end
if current == queueId and state == 'offered' then
  redis.call('ZADD', base .. 'line:' .. queueId, desk.get('call', call, 'score'), call)
  return desk.reply(desk.position(call))
end
desk.withdraw(call)
desk.leaveLine(call)
redis.call('SREM', base .. 'held:' .. controller, call)
redis.call('HDEL', base .. 'call:' .. call, 'maxWaitMs', 'moves')
if current ~= queueId then desk.dropSkills(call) end
desk.enterLine(call, queue, nowMs)
return desk.reply(desk.position(call))
