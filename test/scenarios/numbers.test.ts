import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { header } from '../../src/kernel/sip/message.ts';
import { eventually } from '../support/poll.ts';
import { RawPeer, rawOffer, tagOf } from '../support/raw-peer.ts';
import { type PrintedCall, type System, startSystem } from '../support/system.ts';

/** How callers and carriers write numbers: the account is found, and one person has one number in the log. */
const dialled = '0311110007';
const trunk = '127.0.0.3';
const trusted = '127.0.0.4';
let system: System;
let peers: RawPeer[] = [];
let count = 0;

beforeAll(async () => {
  const environment = { TRUNK_NUMBER_FROM: `to=${trunk}`, TRUSTED_PEERS: trusted };
  system = await startSystem({ flows: 'test/scenarios/flows', environment });
});
afterAll(() => system.stop());
afterEach(() => {
  for (const peer of peers) peer.close();
  peers = [];
});

interface Written {
  /** The Request-URI, with `HOST` for where it goes. */
  uri?: string;
  from?: string;
  to?: string;
  extra?: string[];
  address?: string;
}

async function invite(written: Written): Promise<{ peer: RawPeer; callId: string; text: string }> {
  const to = { protocol: 'udp' as const, address: system.sipHost, port: system.sipPort };
  const peer = await RawPeer.open(to, written.address);
  peers.push(peer);
  const callId = `number-${process.pid}-${++count}`;
  const uri = (written.uri ?? `sip:${dialled}@HOST`).replace('HOST', `${system.sipHost}:${system.sipPort}`);
  const offer = rawOffer();
  const extra = [...offer.extra, ...(written.extra ?? [])];
  const text = peer
    .text('INVITE', { uri, callId, branch: `z9hG4bK${callId}`, ...offer, extra })
    .replace(/^From: .*$/m, () => `From: ${written.from ?? '<sip:0901111000@carrier.example>'};tag=raw`)
    .replace(/^To: .*$/m, () => `To: ${written.to ?? `<sip:${dialled}@127.0.0.1>`}`);
  return { peer, callId, text };
}

/** Calls, and hangs up once answered. Gives the final status. */
async function call(written: Written): Promise<number> {
  const { peer, callId, text } = await invite(written);
  peer.send(text);
  const answer = await eventually('a final answer', () =>
    peer.received.map(({ message }) => message).find(({ status = 0 }) => status >= 200),
  );
  const contact = /<([^>]*)>/.exec(header(answer, 'Contact') ?? '')?.[1];
  const options = { callId, ...(contact ? { uri: contact } : {}), toTag: tagOf(answer) };
  const names = (message: string) => {
    const ofInvite = (name: string) => text.split('\r\n').find((line) => line.startsWith(name)) ?? '';
    return message
      .replace(/^From: .*$/m, () => ofInvite('From:'))
      .replace(/^To: .*$/m, () => `To: ${header(answer, 'To')}`);
  };
  peer.send(names(peer.text('ACK', { ...options, ...(answer.status === 200 ? {} : { branch: `z9hG4bK${callId}` }) })));
  if (answer.status !== 200) return answer.status ?? 0;
  peer.send(names(peer.text('BYE', { ...options, cseq: 2 })));
  await eventually('an answer to BYE', () =>
    peer.received.find(({ message }) => message.status === 200 && header(message, 'CSeq')?.endsWith('BYE')),
  );
  return 200;
}

const newest = (from: string): Promise<PrintedCall> => system.closedCall(dialled, { from, reveal: true });

const anotherCall = (from: string, last: string): Promise<PrintedCall> =>
  eventually(`another call of ${from}`, async () => {
    const made = await newest(from);
    return made.callId === last ? undefined : made;
  });

describe('numbers', () => {
  it.each([
    `sip:81${dialled.slice(1)}@HOST`,
    `sip:+81${dialled}@HOST`,
    `sip:0081${dialled.slice(1)}@HOST;user=phone`,
    `sip:${dialled};npdi;rn=+81399990000@HOST;user=phone`,
    `sip:%2B81${dialled.slice(1)}@HOST`,
    `tel:${dialled.slice(1)};phone-context=+81`,
  ])('dialled as %s', async (uri) => {
    const from = `0902222${1_000 + count}`;
    expect(await call({ uri, from: `<sip:${from}@carrier.example>` })).toBe(200);
    expect(await newest(from)).toMatchObject({
      ...{ accountId: 'scenario', to: `+81${dialled.slice(1)}`, from: `+81${from.slice(1)}` },
      legs: [{ cause: 'caller-hangup', sipStatus: 200 }],
    });
  });

  it('dialled only in To: by the trunk of which the settings say so, and by nobody else', async () => {
    const written = { uri: 'sip:trunkuser@HOST', from: '<sip:0903333000@carrier.example>' };
    expect(await call({ ...written, address: trunk })).toBe(200);
    expect(await newest('0903333000')).toMatchObject({ accountId: 'scenario', to: `+81${dialled.slice(1)}` });
    expect(await call(written)).toBe(404);
  });

  it('of callers: one person is one number, whoever writes it', async () => {
    let last = '';
    for (const user of ['0904444000', '+81904444000', '81904444000', '+810904444000']) {
      expect(await call({ from: `"Yamada" <sip:${user}@carrier.example>` })).toBe(200);
      const made = await anotherCall('+81904444000', last);
      expect(made.from).toBe('+81904444000');
      last = made.callId;
    }
  });

  it('of callers: none, in any spelling, and withheld ones', async () => {
    let last = '';
    for (const written of [
      { from: '"Unavailable" <sip:unavailable@unknown.invalid>' },
      { extra: ['Privacy: header'] },
      { extra: ['Remote-Party-ID: <sip:0909@x>;party=calling;privacy=full'] },
      { from: '<sip:P@carrier.example>' },
    ]) {
      expect(await call(written)).toBe(200);
      last = (await anotherCall('anonymous', last)).callId;
    }
  });

  it('of a name with a comma: answered, or 400', async () => {
    expect([200, 400]).toContain(await call({ from: 'Yamada, Taro <sip:0905555000@carrier.example>' }));
  });

  it('by older gateways in Remote-Party-ID, of a trusted peer', async () => {
    const extra = ['Remote-Party-ID: "x" <sip:0906666000@x>;party=calling;privacy=off'];
    const from = '<sip:gateway@carrier.example>';
    expect(await call({ from, extra, address: trusted })).toBe(200);
    expect(await newest('0906666000')).toMatchObject({ from: '+81906666000' });
  });
});

it('a caller who gives up within a millisecond has 487, and is on record as cancelled, never answered', async () => {
  for (let round = 0; round < 10; round++) {
    const from = `0907777${100 + round}`;
    const { peer, callId, text } = await invite({ from: `<sip:${from}@carrier.example>` });
    const cancel = text
      .replace(/^INVITE /, 'CANCEL ')
      .replace('CSeq: 1 INVITE', 'CSeq: 1 CANCEL')
      .replace(/Content-Type: .*\r\n/, '')
      .replace(/Content-Length: \d+\r\n\r\n[\s\S]*/, 'Content-Length: 0\r\n\r\n');
    peer.send(text, cancel);
    await eventually(`487 to ${callId}`, () => peer.received.find(({ message }) => message.status === 487));
    expect(await newest(from)).toMatchObject({
      ...{ answeredAt: null, outcome: 'abandoned', to: `+81${dialled.slice(1)}` },
      legs: [{ cause: 'cancelled', sipStatus: 487, answeredAt: null }],
    });
  }
});
