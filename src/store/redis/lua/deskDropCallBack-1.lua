-- Nobody is to be called back after all: whoever rings for it is let go.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true, or false when none waits (any more) }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local isWaiting = redis.call('SISMEMBER', base .. 'callBacks', ARGV[2]) == 1
if isWaiting then desk.forget(ARGV[2]) end
return desk.reply(isWaiting)
