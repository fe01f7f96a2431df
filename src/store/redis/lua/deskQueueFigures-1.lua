-- How it stands with a queue.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] queue id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = { waiting, longestWaitMs, agents = number by state, handlingMs } or null }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local queue = ARGV[2]
if not desk.queue(queue) then return desk.reply(cjson.null) end
return desk.reply({
  waiting = redis.call('ZCARD', base .. 'line:' .. queue),
  longestWaitMs = nowMs - (desk.oldestAtMs(queue) or nowMs),
  agents = desk.agentsByState(queue),
  handlingMs = tonumber(redis.call('HGET', base .. 'handling:' .. queue, 'averageMs') or nil),
})
