-- What those who watch see of a call beyond its state.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- ARGV[3] JSON; '' = nothing
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local call = ARGV[2]
if desk.get('call', call, 'controller') then
  if ARGV[3] == '' then redis.call('HDEL', base .. 'call:' .. call, 'shown') else desk.set('call', call, 'shown', ARGV[3]) end
  desk.changed = true
end
return desk.reply(true)
