-- The phone of an offer rings: its lease is now the ring and some grace.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] offer id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'ok' or 'gone' }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local offer = ARGV[2]
local state, call, agent, queue = desk.get('offer', offer, 'state', 'call', 'agent', 'queue')
if not state then return desk.reply('gone') end
if state == 'reserved' then
  desk.set('offer', offer, 'state', 'ringing')
  desk.remind('offer', offer, nowMs + desk.settingsOf(queue).ringTimeoutMs + desk.graceMs)
  desk.setState(agent, 'ringing', '', call)
  redis.call('HDEL', base .. 'call:' .. call, 'ignored')
end
return desk.reply('ok')
