-- A right digest: takes the nonce's count, once, and remembers that the name is at home at the address.
-- KEYS[1] highest count used of the nonce, [2] algorithm of the name at the address, where it has registered lately
-- KEYS[3] failures of the two together
-- ARGV[1] the count, [2] ms to remember the nonce, [3] ms to remember the pair, [4] the algorithm used
-- Result: 1; 0 = the count was used already
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3])
redis.call('DEL', KEYS[3])
return 1
