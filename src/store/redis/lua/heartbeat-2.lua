-- Renews a controller's lease, by the clock of this server.
-- KEYS[1] leases: sorted set, controller id by the ms at which its lease runs out
-- KEYS[2] meta: hash; runId = the Redis process that leases were last renewed on, longestLeaseMs = of all there ever was,
--   lease:<controller id> = how long its leases are
-- ARGV[1] controller id
-- ARGV[2] length of the lease, ms
-- Result: 1; 0 when the controller was not known
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local leaseMs = tonumber(ARGV[2])

-- While Redis was down, or hung, nobody could renew, and where its clock was put forward all leases seem to have run out:
-- each known controller gets a whole lease to come back in.
local runId = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local knownRunId = redis.call('HGET', KEYS[2], 'runId')
local ownLease = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
local isNewProcess = knownRunId ~= runId
if isNewProcess then redis.call('HSET', KEYS[2], 'runId', runId) end
if (isNewProcess and knownRunId) or (ownLease > 0 and ownLease <= nowMs) then
  -- Not to those who never had one: their calls wait for whoever comes.
  for _, controller in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(0', '+inf')) do
    redis.call('ZADD', KEYS[1], 'GT', nowMs + leaseMs, controller)
  end
end
-- Where the clock was put back they would seem to run for ever.
local longestMs = math.max(leaseMs, tonumber(redis.call('HGET', KEYS[2], 'longestLeaseMs') or 0))
redis.call('HSET', KEYS[2], 'longestLeaseMs', longestMs)
for _, controller in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. (nowMs + longestMs), '+inf')) do
  redis.call('ZADD', KEYS[1], nowMs + longestMs, controller)
end

redis.call('ZADD', KEYS[1], nowMs + leaseMs, ARGV[1])
redis.call('HSET', KEYS[2], 'lease:' .. ARGV[1], leaseMs)
return ownLease > 0 and 1 or 0
