-- Replaces the settings of a queue.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] settings as JSON
-- ARGV[3] when it opens and closes from now on, as JSON { isOpen, changesAtMs }
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local settings = cjson.decode(ARGV[2])
local wasOpen = desk.isOpen(settings.queueId)
redis.call('HSET', base .. 'queues', settings.queueId, ARGV[2])
redis.call('HSET', base .. 'doors', settings.queueId, ARGV[3])
desk.changed = true
desk.forgetQueue(settings.queueId)
-- The strategy may have changed, and with it who is next.
for _, agent in ipairs(redis.call('SMEMBERS', base .. 'members:' .. settings.queueId)) do
  if desk.get('agent', agent, 'state') == 'available' then
    desk.joinFree(agent, settings.queueId)
    desk.freed[agent] = true
  end
end
local isOpen = desk.isOpen(settings.queueId)
if isOpen == wasOpen then desk.remindOfDoor(settings.queueId) else desk.onDoor(settings.queueId) end
return desk.reply(true)
