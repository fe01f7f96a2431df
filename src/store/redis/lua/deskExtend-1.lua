-- Renews the lease of a controller, and thereby of its calls.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] controller id
-- ARGV[3] length of the lease, ms
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true, or false when there was none that ran }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local controller, leaseMs = ARGV[2], tonumber(ARGV[3])
local running = redis.call('ZSCORE', base .. 'leases', controller)
redis.call('ZADD', base .. 'leases', nowMs + leaseMs, controller)
redis.call('HSET', base .. 'meta', 'leaseMs', leaseMs)
redis.call('HSETNX', base .. 'meta', 'runId', string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'))
if not running then
  -- Call-backs that had no controller have one now.
  for _, call in ipairs(redis.call('SMEMBERS', base .. 'callBacks')) do
    if desk.get('call', call, 'controller') == '' then desk.wait(call) end
  end
end
return desk.reply(running ~= false)
