-- How long somebody must wait before another attempt to register is looked at.
-- KEYS[1] failures of the address, [2] of the name, [3] of the two together: counters that expire
-- KEYS[4] exists where the name has registered from the address lately
-- ARGV[1] failures allowed to an address, [2] to a name, [3] to a known pair
-- Result: ms; 0 = no wait
local function wait(key, most)
  local count = tonumber(redis.call('GET', key) or '0')
  if count < tonumber(most) then return 0 end
  return math.max(redis.call('PTTL', key), 1)
end
if redis.call('EXISTS', KEYS[4]) == 1 then return wait(KEYS[3], ARGV[3]) end
return math.max(wait(KEYS[1], ARGV[1]), wait(KEYS[2], ARGV[2]))
