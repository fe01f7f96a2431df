-- Replaces what is known of an agent.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] agent id
-- ARGV[3] profile as JSON; '' = forget the agent, who is signed off
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local agent, json = ARGV[2], ARGV[3]
local state = desk.get('agent', agent, 'state')
local before = desk.profile(agent)
if before then
  desk.leaveFree(agent)
  for _, queue in ipairs(before.queues) do redis.call('SREM', base .. 'members:' .. queue, agent) end
end
-- Who was at work until now is missing from then on, also one who still talks.
local function leaveQueues()
  if not before or not state or state == 'offline' then return end
  for _, queue in ipairs(before.queues) do
    if redis.call('SISMEMBER', base .. 'members:' .. queue, agent) == 0 then desk.leftBy(queue) end
  end
end
local idle = state == 'available' or state == 'break' or state == 'offline' or not state
if json == '' then
  redis.call('HDEL', base .. 'profiles', agent)
  desk.forgetProfile(agent)
  if before and (idle or state == 'wrap-up') then desk.letGo(agent) end
  leaveQueues()
  return desk.reply(true)
end
redis.call('HSET', base .. 'profiles', agent, json)
desk.changed = true
desk.forgetProfile(agent)
for _, queue in ipairs(desk.profile(agent).queues) do
  redis.call('SADD', base .. 'members:' .. queue, agent)
  if state == 'available' then desk.joinFree(agent, queue) end
end
leaveQueues()
if not state then desk.set('agent', agent, 'state', 'offline', 'reason', '', 'since', nowMs, 'wanted', 'offline') end
if state == 'available' then desk.freed[agent] = true end
return desk.reply(true)
