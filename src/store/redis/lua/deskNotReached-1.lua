-- Who was to be called back was not reached, or could not be dialled now: the agent is free again, which counts as no
-- miss, and the call-back waits at its place, to be offered again after a while through any controller.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] offer id
-- ARGV[3] offered again after, ms
-- ARGV[4] given up at so many times; '' = this one does not count
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'ok', or 'gone' when it is no call-back (any more) }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local offer, attemptsMax = ARGV[2], tonumber(ARGV[4])
local state, call = desk.get('offer', offer, 'state', 'call')
if not state or state == 'connected' or not desk.get('call', call, 'callBack') then return desk.reply('gone') end
if attemptsMax and redis.call('HINCRBY', base .. 'call:' .. call, 'attempts', 1) >= attemptsMax then
  desk.forget(call)
  return desk.reply('gone')
end
desk.postpone(call, nowMs + tonumber(ARGV[3]))
return desk.reply('ok')
