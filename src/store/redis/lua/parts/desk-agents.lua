-- Agents: their states, who is free, misses and pauses.

-- `by`: who asked for it; nobody where it comes from a call or by itself.
function desk.setState(agent, state, reason, call, by)
  local before, oldReason = desk.get('agent', agent, 'state', 'reason')
  before = before or 'offline'
  if before == state and oldReason == reason then return end
  desk.set('agent', agent, 'state', state, 'reason', reason, 'since', nowMs)
  redis.call('XADD', base .. 'changes', 'MAXLEN', '~', 500000, '*', 'agent', agent, 'from', before, 'state', state,
    'reason', reason, 'at', nowMs, 'call', call or '', 'by', by or '')
end

-- What others see of the agent; nil when there is no such agent.
function desk.describeAgent(agent)
  local state, reason, since, wanted, call, misses =
    desk.get('agent', agent, 'state', 'reason', 'since', 'wanted', 'call', 'misses')
  return state and {
    agentId = agent, state = state, reason = reason, sinceMs = tonumber(since), wanted = wanted,
    callId = call or nil, missesInRow = tonumber(misses or 0),
  } or nil
end

-- Where the agent stands among the free ones of a queue.
local function rank(agent, strategy)
  local idle, served, turn = desk.get('agent', agent, 'idle', 'served', 'turn')
  if strategy == 'fewest-calls' then return tonumber(served or 0) * 1e13 + tonumber(idle or 0) end
  if strategy == 'round-robin' then return tonumber(turn or 0) end
  return tonumber(idle or 0)
end

function desk.joinFree(agent, queue)
  local settings = desk.queue(queue)
  if settings then redis.call('ZADD', base .. 'free:' .. queue, rank(agent, settings.strategy), agent) end
end

function desk.leaveFree(agent)
  for _, queue in ipairs(desk.profile(agent).queues) do redis.call('ZREM', base .. 'free:' .. queue, agent) end
end

-- Nothing holds the agent any more: takes up what was wanted. Who wanted it is told the first time. `why`: of taking
-- calls again.
function desk.letGo(agent, why)
  local wanted, reason, by = desk.get('agent', agent, 'wanted', 'wantedReason', 'wantedBy')
  redis.call('HDEL', base .. 'agent:' .. agent, 'offer', 'call', 'wantedBy')
  desk.unremind('agent', agent)
  if not desk.profile(agent) then
    desk.setState(agent, 'offline', 'removed')
    redis.call('DEL', base .. 'agent:' .. agent)
  elseif wanted ~= 'available' then
    desk.setState(agent, wanted or 'offline', reason or '', nil, by)
    if wanted ~= 'break' then desk.signedOff(agent) end
  elseif desk.get('agent', agent, 'listens') then
    desk.setState(agent, 'break', 'listening', nil, by)
  else
    desk.setState(agent, 'available', why or '', nil, by)
    for _, queue in ipairs(desk.profile(agent).queues) do desk.joinFree(agent, queue) end
    desk.freed[agent] = true
  end
end

function desk.signedOff(agent)
  redis.call('HDEL', base .. 'agent:' .. agent, 'misses', 'served')
  for _, queue in ipairs(desk.profile(agent).queues) do desk.leftBy(queue) end
end

-- An agent works for the queue no more; where that was the last one, its `noAgentsMs` begin.
function desk.leftBy(queue)
  local settings = desk.queue(queue)
  if not settings or desk.isStaffed(queue) then return end
  redis.call('HSET', base .. 'unstaffed', queue, nowMs)
  if settings.noAgentsMs then desk.remind('nobody', queue, nowMs + settings.noAgentsMs) end
end

-- The agent did not take a caller of this queue: back to the end of the idle ones, or paused for a while.
function desk.miss(agent, why, queue)
  local misses = redis.call('HINCRBY', base .. 'agent:' .. agent, 'misses', 1)
  desk.set('agent', agent, 'idle', nowMs)
  local wanted = desk.get('agent', agent, 'wanted')
  local paused = why == 'unreachable' or misses >= queue.missesBeforePause
  if not paused or wanted ~= 'available' or not desk.profile(agent) or queue.pauseMs == 0 then
    return desk.letGo(agent)
  end
  redis.call('HDEL', base .. 'agent:' .. agent, 'offer', 'call')
  desk.setState(agent, 'break', why == 'unreachable' and 'unreachable' or 'missed-calls')
  desk.remind('agent', agent, nowMs + queue.pauseMs)
end

-- Talk is over: wrap-up for as long as set.
function desk.wrapUp(agent, queueId, connectedAtMs, wrapUpMs)
  local call = desk.get('agent', agent, 'call')
  desk.set('agent', agent, 'idle', nowMs, 'handledSince', connectedAtMs, 'handledIn', queueId)
  redis.call('HDEL', base .. 'agent:' .. agent, 'offer')
  if wrapUpMs > 0 then
    desk.setState(agent, 'wrap-up', '', call)
    desk.remind('agent', agent, nowMs + wrapUpMs)
  else
    desk.endWrapUp(agent)
  end
end

-- Also counts how long the call took, talk and wrap-up: estimates are made of that.
function desk.endWrapUp(agent)
  local since, queue = desk.get('agent', agent, 'handledSince', 'handledIn')
  if since and desk.queue(queue) then
    local key = base .. 'handling:' .. queue
    local count, average = unpack(redis.call('HMGET', key, 'count', 'averageMs'))
    count, average = tonumber(count or 0) + 1, tonumber(average or 0)
    average = average + (nowMs - tonumber(since) - average) / math.min(count, 20)
    redis.call('HSET', key, 'count', count, 'averageMs', average)
  end
  redis.call('HDEL', base .. 'agent:' .. agent, 'handledSince', 'handledIn')
  desk.set('agent', agent, 'idle', nowMs)
  desk.letGo(agent)
end
