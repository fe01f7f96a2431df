-- Renews a controller's lease, by the clock of this server.
-- KEYS[1] leases: sorted set, controller id by the ms at which its lease runs out
-- KEYS[2] meta: hash; runId = the Redis process that leases were last renewed on
-- ARGV[1] controller id
-- ARGV[2] length of the lease, ms
-- Result: 1
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local leaseMs = tonumber(ARGV[2])

-- While Redis was down nobody could renew: after a restart each known controller gets a whole lease to come back in.
local runId = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local knownRunId = redis.call('HGET', KEYS[2], 'runId')
if knownRunId ~= runId then
  redis.call('HSET', KEYS[2], 'runId', runId)
  if knownRunId then
    for _, controller in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
      redis.call('ZADD', KEYS[1], 'GT', nowMs + leaseMs, controller)
    end
  end
end

redis.call('ZADD', KEYS[1], nowMs + leaseMs, ARGV[1])
return 1
