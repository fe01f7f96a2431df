-- A phone of the agent has registered anew: the desk's own pause for one who could not be reached is over. A state that
-- somebody has set since stays.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] agent id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = whether a pause has ended }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local agent = ARGV[2]
local state, reason, wanted = desk.get('agent', agent, 'state', 'reason', 'wanted')
if state ~= 'break' or reason ~= 'unreachable' or wanted ~= 'available' then return desk.reply(false) end
redis.call('HDEL', base .. 'agent:' .. agent, 'misses')
desk.set('agent', agent, 'idle', nowMs)
desk.letGo(agent, 'phone-back')
return desk.reply(true)
