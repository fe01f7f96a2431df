-- A queue is there no more: whoever waits in it is told so at once.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] queue id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true, or false when there was none }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local queue = ARGV[2]
if redis.call('HDEL', base .. 'queues', queue) == 0 then return desk.reply(false) end
for _, hash in ipairs({ 'doors', 'unstaffed' }) do redis.call('HDEL', base .. hash, queue) end
for _, kind in ipairs({ 'free', 'handling', 'figures' }) do redis.call('DEL', base .. kind .. ':' .. queue) end
desk.forgetQueue(queue)
desk.changed = true
for _, kind in ipairs({ 'nobody', 'door' }) do desk.unremind(kind, queue) end
for _, call in ipairs(redis.call('ZRANGE', base .. 'line:' .. queue, 0, -1)) do
  local state = desk.get('call', call, 'state')
  -- Whom an agent has answered stays with that agent; where they are not connected, this follows.
  if state == 'offered' then desk.withdraw(call) end
  if state == 'offered' or state == 'waiting' then desk.wait(call) end
end
return desk.reply(true)
