-- Replaces the settings of a queue.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] settings as JSON
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local settings = cjson.decode(ARGV[2])
redis.call('HSET', base .. 'queues', settings.queueId, ARGV[2])
desk.changed = true
desk.forgetQueue(settings.queueId)
-- The strategy may have changed, and with it who is next.
for _, agent in ipairs(redis.call('SMEMBERS', base .. 'members:' .. settings.queueId)) do
  if desk.get('agent', agent, 'state') == 'available' then
    desk.joinFree(agent, settings.queueId)
    desk.freed[agent] = true
  end
end
return desk.reply(true)
