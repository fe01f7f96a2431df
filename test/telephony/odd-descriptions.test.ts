import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LegEvent } from '../../src/call/telephony.ts';
import { eventually } from '../support/poll.ts';
import { Bench, openPair, type Pair, watch } from './harness.ts';
import { hears } from './parties.ts';
import { TestPhone } from './phone.ts';

/** What phones and carriers say of their session where one would not expect it. */

let pair: Pair;
let bench: Bench;
let called: TestPhone;
beforeAll(async () => {
  pair = await openPair();
});
afterAll(() => pair.stop());
beforeEach(async () => {
  called = await TestPhone.open();
  bench = await Bench.open(pair, {
    trunk: { uri: `sip:127.0.0.1:${called.port}` },
    lookUp: async (name) => (name === 'media.carrier.test' ? '127.0.0.1' : undefined),
  });
});
afterEach(async () => {
  await bench.close();
  await called.close();
});

const replaced = (before: string | RegExp, after: string) => (sdp: string) => sdp.replaceAll(before, after);
const inLines = (change: (line: string) => string) => (sdp: string) =>
  sdp
    .split('\r\n')
    .map((line) => (line === '' ? '' : change(line)))
    .join('\r\n');
/** Everything that is taken though it is unusual, in an offer and in an answer. */
const taken: [string, (sdp: string) => string][] = [
  ['a host name for its address', replaced('c=IN IP4 127.0.0.1', 'c=IN IP4 media.carrier.test')],
  ['the profile RTP/AVPF', replaced('RTP/AVP', 'RTP/AVPF')],
  ['a space behind the colon of its attributes', replaced('a=rtpmap:', 'a=rtpmap: ')],
  ['spaces at the ends of its lines', inLines((line) => `${line} `)],
  ['bare line feeds', replaced('\r\n', '\n')],
  [
    'keys for SRTP that are not insisted on',
    (sdp) => `${sdp}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${'A'.repeat(40)}\r\n`,
  ],
  ['a port count', replaced(/(m=audio \d+)/g, '$1/1')],
  ['a certificate that is not insisted on', (sdp) => `${sdp}a=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n`],
];
const refused: [string, (sdp: string) => string][] = [
  ['a host name that nobody knows', replaced('c=IN IP4 127.0.0.1', 'c=IN IP4 nowhere.carrier.test')],
  ['audio on port 0', replaced(/m=audio \d+/g, 'm=audio 0')],
  ['audio on a port that does not exist', replaced(/m=audio \d+/g, 'm=audio 70000')],
  ['SRTP without keys', replaced('RTP/AVP', 'RTP/SAVP')],
  ['no address', replaced('c=IN IP4 127.0.0.1\r\n', '')],
  ['an address of many', replaced('c=IN IP4 127.0.0.1', 'c=IN IP4 224.2.1.1/127')],
  ['a codec of ours by another number', (sdp) => sdp.replace('0 101', '96 101').replace('rtpmap:0 ', 'rtpmap:96 ')],
  ['no codec of ours', (sdp) => sdp.replace('0 101', '9 101').replace('0 PCMU', '9 G722')],
];

describe('a caller', () => {
  test.each(taken)('who offers %s hears us and is heard', async (_what, change) => {
    const phone = await bench.phone();
    phone.describe = change;
    phone.pitchHz = 500;
    phone.startCall('0312345678', bench.sip);
    const offered = await eventually('the call', () => bench.incoming[0]);
    const events: LegEvent[] = [];
    const outcome = await offered.answer((event) => events.push(event));
    if (!outcome.ok) throw new Error(JSON.stringify(outcome));
    const other = await bench.talk();
    other.phone.pitchHz = 700;
    expect(await outcome.leg.bridge(other.leg)).toBe(true);
    await Promise.all([hears({ phone }, [700]), hears(other, [500])]);
    await phone.press('5');
    expect((await watch(events, outcome.leg).event('digit')).digit).toBe('5');
  });

  test.each(refused)('who offers %s is refused, and told why', async (_what, change) => {
    const phone = await bench.phone();
    phone.describe = change;
    phone.startCall('0312345678', bench.sip);
    const offered = await eventually('the call', () => bench.incoming[0]);
    const told = { ok: false, cause: 'media-refused', sipStatus: 488, fault: expect.stringMatching(/^no /) };
    expect(await offered.answer(() => undefined)).toEqual(told);
    await eventually('the refusal', () => phone.status === 488);
    expect(bench.telephony.status().mediaServers[0]).toMatchObject({ legs: 0, ready: true });
  });

  const fax = 'm=image 13962 udptl t38\r\nc=IN IP4 127.0.0.1\r\na=T38FaxVersion:0\r\n';
  test.each<[string, (sdp: string) => string, RegExp]>([
    ['fax behind audio', (sdp) => `${sdp}${fax}`, /m=audio [1-9]\d* RTP\/AVP [\s\S]*m=image 0 udptl t38/],
    [
      'fax before audio',
      (sdp) => sdp.replace('m=', `${fax}m=`),
      /m=image 0 udptl t38[\s\S]*m=audio [1-9]\d* RTP\/AVP /,
    ],
    [
      'SRTP without keys before plain audio',
      (sdp) => sdp.replace('m=', 'm=audio 4000 RTP/SAVP 0\r\nm='),
      /m=audio 0 RTP\/SAVP 0\r\nm=audio [1-9]\d* RTP\/AVP /,
    ],
    [
      'video',
      (sdp) => `${sdp}m=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n`,
      /m=audio [1-9]\d* RTP\/AVP [\s\S]*m=video 0 RTP\/AVP 96/,
    ],
    ['RTP/AVPF', (sdp) => sdp.replace('RTP/AVP', 'RTP/AVPF'), /m=audio [1-9]\d* RTP\/AVPF 0/],
  ])('who offers %s has an answer to each medium, in order', async (_what, change, answer) => {
    const phone = await bench.phone();
    phone.describe = change;
    phone.startCall('0312345678', bench.sip);
    const offered = await eventually('the call', () => bench.incoming[0]);
    expect((await offered.answer(() => undefined)).ok).toBe(true);
    await eventually('the answer', () => phone.status === 200);
    expect(phone.answeredWith).toMatch(answer);
  });
});

describe('a called phone', () => {
  let dialled = 0;
  function dial() {
    const events: LegEvent[] = [];
    dialled += 1;
    const attempt = bench.telephony.dial({
      ...{ legId: `leg_odd-${process.pid}-${dialled}`, kind: 'transfer', toNumber: '0398765432' },
      ...{ fromNumber: '0312345678', ringTimeoutMs: 8_000 },
      onRinging: () => undefined,
      onEvent: (event) => events.push(event),
    });
    return { attempt, events };
  }

  async function isHeard() {
    const { attempt } = dial();
    const outcome = await attempt.outcome;
    if (!outcome.ok) throw new Error(JSON.stringify(outcome));
    const caller = await bench.talk();
    caller.phone.pitchHz = 500;
    called.pitchHz = 700;
    expect(await caller.leg.bridge(outcome.leg)).toBe(true);
    await Promise.all([hears({ phone: called }, [500]), hears(caller, [700])]);
    await outcome.leg.end('system-hangup');
    expect(called.ended).toBe(true);
  }

  const isHungUp = async () => {
    expect(await dial().attempt.outcome).toMatchObject({ ok: false, cause: 'failed' });
    await eventually('the phone to be hung up', () => called.ended);
    await eventually('no leg left', () => bench.telephony.status().mediaServers[0]?.legs === 0);
  };

  test.each(taken)('that answers with %s is heard and hears', async (_what, change) => {
    called.describe = change;
    await isHeard();
  });

  test('that has answered with 183, and says nothing of it in its 200, is heard and hears', async () => {
    called.answersEarly = true;
    await isHeard();
  });

  test.each(refused)('that answers with %s is hung up, and the dial has failed', async (_what, change) => {
    called.describe = change;
    await isHungUp();
  });

  test('that answers with nothing is hung up, and the dial has failed', async () => {
    called.describe = () => '';
    await isHungUp();
  });

  test('that does not say where it is in its 200 is hung up, and the dial has failed', async () => {
    called.withoutContact = true;
    await isHungUp();
  });
});
