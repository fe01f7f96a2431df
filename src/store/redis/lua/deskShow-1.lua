-- How a talk stands, for those who watch the desk; the whole each time.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- ARGV[3] JSON { held, transfer, recording, listeners }; '' = nothing to say
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = 'ok' or 'gone' }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local call = ARGV[2]
if not desk.get('call', call, 'state') then return desk.reply('gone') end
if ARGV[3] ~= '' then
  desk.set('call', call, 'talk', ARGV[3])
else
  redis.call('HDEL', base .. 'call:' .. call, 'talk')
  desk.changed = true
end
return desk.reply('ok')
