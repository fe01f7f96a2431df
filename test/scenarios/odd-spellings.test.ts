import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { header } from '../../src/kernel/sip/message.ts';
import type { RefusedInMinute } from '../../src/ledger/refusal-log.ts';
import { eventually } from '../support/poll.ts';
import { RawPeer, type RawRequest, rawOffer, tagOf } from '../support/raw-peer.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

const long = '0311110007';
let system: System;
let count = 0;
const cleanUps: (() => void)[] = [];

beforeAll(async () => {
  system = await startSystem({ flows: 'test/scenarios/flows' });
});
afterAll(() => system.stop());
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

async function peer(address?: string): Promise<RawPeer> {
  const opened = await RawPeer.open({ protocol: 'udp', address: system.sipHost, port: system.sipPort }, address);
  cleanUps.push(() => opened.close());
  return opened;
}

const headOnly = (change: (head: string) => string) => (text: string) => {
  const end = text.indexOf('\r\n\r\n') + 4;
  return change(text.slice(0, end)) + text.slice(end);
};

/** Ways to write a message that a reader may or may not take as meant. */
const spellings: Record<string, (text: string) => string> = {
  'sip/2.0': (text) => text.replace(' SIP/2.0\r\n', ' sip/2.0\r\n'),
  'LF ends every header': headOnly((head) => head.replaceAll('\r\n', '\n')),
  'the last header ends with LF': headOnly((head) => head.replace(/\r\n\r\n$/, '\n\r\n')),
  'one LF in the middle': headOnly((head) => head.replace(/\r\nMax-Forwards/, '\nMax-Forwards')),
  'LF ends the start line': headOnly((head) => head.replace('\r\n', '\n')),
  'compact names': headOnly((head) =>
    head.replace('\r\nVia', '\r\nv').replace('\r\nFrom', '\r\nf').replace('\r\nTo', '\r\nt').replace('Call-ID', 'i'),
  ),
  'folded lines': headOnly((head) => head.replace('From: ', 'From:\r\n ').replace('CSeq: ', 'CSeq:\r\n\t')),
  'names in capitals': headOnly((head) => head.replace(/^[A-Z][A-Za-z-]*:/gm, (name) => name.toUpperCase())),
};

type Spell = (text: string) => string;

/** A call over UDP that is answered and hung up by the caller, every message of it spelt so. */
async function callSpelt(spell: Spell): Promise<void> {
  const caller = await peer();
  const id = `odd-${caller.port}-${++count}`;
  const call = { uri: system.uri(long), callId: id };
  const branch = (name: string) => `z9hG4bK-${id}-${name}`;
  caller.send(spell(caller.text('INVITE', { ...call, branch: branch('i'), ...rawOffer() })));
  const dialog = { ...call, toTag: tagOf(await caller.status(200, 1, '1 INVITE')) };
  caller.send(spell(caller.text('ACK', { ...dialog, branch: branch('a') })));
  caller.send(spell(caller.text('BYE', { ...dialog, cseq: 2, branch: branch('b') })));
  await caller.status(200, 1, '2 BYE');
  await endedByCaller(id);
}

async function endedByCaller(callId: string): Promise<void> {
  const ended = await eventually('the call on record', async () => {
    const record = await system.closedCall(long);
    const facts = await system.facts(record.callId);
    return facts.some((fact) => fact.type === 'offered' && fact.sipCallId === callId) ? record : undefined;
  });
  expect(ended.legs).toEqual([expect.objectContaining({ cause: 'caller-hangup', sipStatus: 200 })]);
}

describe('a call whose messages are written oddly is answered, on record, and ended like any other', () => {
  it.each(Object.keys(spellings))('%s', async (name) => {
    await callSpelt(spellings[name] as Spell);
  });

  it('by TCP, with LF alone, in pieces', async () => {
    const socket = connect(system.sipPort, system.sipHost);
    cleanUps.push(() => socket.destroy());
    let heard = '';
    socket.on('data', (data) => {
      heard += String(data);
    });
    const caller = await peer();
    const spell = spellings['LF ends every header'] as Spell;
    const id = `odd-tcp-${caller.port}`;
    const call = { uri: system.uri(long), callId: id };
    const text = (method: string, options: object) =>
      spell(caller.text(method, { ...call, ...options }).replace('SIP/2.0/UDP', 'SIP/2.0/TCP'));
    await sendInPieces(socket, text('INVITE', rawOffer()));
    const toTag = await eventually('200', () => /^SIP\/2\.0 200[\s\S]*?^To: .*;tag=(\S+)/m.exec(heard)?.[1]);
    await sendInPieces(socket, text('ACK', { toTag }) + text('BYE', { toTag, cseq: 2 }));
    await eventually('200 to BYE', () => /^SIP\/2\.0 200[\s\S]*^CSeq: 2 BYE/m.exec(heard) ?? undefined);
    await endedByCaller(id);
  });

  it('a CANCEL written so ends the call before it is answered', async () => {
    const caller = await peer();
    const call = { uri: system.uri(long), callId: `odd-cancel-${caller.port}`, branch: `z9hG4bK-oc-${caller.port}` };
    const spell = spellings['LF ends every header'] as Spell;
    caller.send(spell(caller.text('INVITE', { ...call, ...rawOffer() })), spell(caller.text('CANCEL', call)));
    await caller.status(200, 1, '1 CANCEL');
    caller.request('ACK', { ...call, toTag: tagOf(await caller.status(487, 1, '1 INVITE')) });
  });
});

async function sendInPieces(socket: Socket, text: string): Promise<void> {
  for (let at = 0; at < text.length; at += 200) {
    await new Promise<void>((sent) => socket.write(text.slice(at, at + 200), () => sent()));
  }
}

describe('what a lone LF ends is no part of the line before', () => {
  it('Privacy behind Contact: the caller is withheld', async () => {
    const caller = await peer();
    const id = `odd-privacy-${caller.port}`;
    const call = { uri: system.uri(long), callId: id };
    const text = caller.text('INVITE', { ...call, ...rawOffer() });
    caller.send(text.replace(/^(Contact: .*)\r\n/m, '$1\nPrivacy: id\r\n'));
    const dialog = { ...call, toTag: tagOf(await caller.status(200, 1, '1 INVITE')) };
    caller.request('ACK', dialog);
    caller.request('BYE', { ...dialog, cseq: 2 });
    await caller.status(200, 1, '2 BYE');
    await endedByCaller(id);
    expect((await system.closedCall(long, { reveal: true })).from).toBe('anonymous');
  });
});

describe('a request that lacks what a dialog is made of, or has it twice', () => {
  const changes: [what: string, reason: RegExp, change: Spell][] = [
    ['no Contact', /Contact/, (text) => text.replace(/^Contact:.*\r\n/m, '')],
    ['two Contacts', /Contact/, (text) => text.replace(/^(Contact:.*\r\n)/m, '$1$1')],
    ['two Contacts on a line', /Contact/, (text) => text.replace(/^(Contact: )(.*)\r\n/m, '$1$2, $2\r\n')],
    ['a Contact that is no address', /Contact|Bad/, (text) => text.replace(/^Contact:.*\r\n/m, 'Contact: nobody\r\n')],
    ['two From', /From|Bad/, (text) => text.replace(/^(From:.*\r\n)/m, '$1$1')],
    ['a From without tag', /From|Bad/, (text) => text.replace(/^(From:.*);tag=.*\r\n/m, '$1\r\n')],
    ['two CSeq', /CSeq|Bad/, (text) => text.replace(/^(CSeq:.*\r\n)/m, '$1$1')],
    ['a CSeq of another method', /CSeq|Bad/, (text) => text.replace('CSeq: 1 INVITE', 'CSeq: 1 OPTIONS')],
    ['no empty line', /Empty|Bad/, (text) => `${text.slice(0, text.indexOf('\r\n\r\n'))}\r\n`],
  ];

  it.each(changes)('%s: 400, at once, and nothing is left of it', async (what, reason, change) => {
    const caller = await peer();
    const id = `odd-${what.replaceAll(' ', '-')}-${caller.port}`;
    const text = change(caller.text('INVITE', { uri: system.uri(long), callId: id, ...rawOffer() }));
    const sentAt = performance.now();
    caller.send(text);
    const answer = await caller.status(400);
    expect(answer.reason).toMatch(reason);
    expect(performance.now() - sentAt).toBeLessThan(2_000);
    await callSpelt((same) => same);
  });
});

describe('bodies', () => {
  const { body: sdp } = rawOffer();
  const part = (type: string, content: string, extra = '') =>
    `--b1\r\nContent-Type: ${type}\r\n${extra}\r\n${content}\r\n`;
  const isup = part(
    'application/isup;version=itu-t92+',
    'xyz\u0001\u0002',
    'Content-Disposition: signal;handling=optional\r\n',
  );
  const taken: Record<string, [type: string, body: string]> = {
    'SDP, then ISUP': ['multipart/mixed;boundary=b1', `${part('application/sdp', sdp)}${isup}--b1--\r\n`],
    'ISUP, then SDP, boundary in quotes': [
      'multipart/mixed; boundary="b1"',
      `${isup}${part('application/sdp', sdp)}--b1--`,
    ],
    'a blank line before v=0': ['application/sdp', `\r\n${sdp}`],
    'a byte order mark': ['application/sdp', `\uFEFF${sdp}`],
  };

  it.each(Object.keys(taken))('%s: the call is answered', async (name) => {
    const [type, body] = taken[name] as [string, string];
    await callSpelt((text) =>
      text.startsWith('INVITE')
        ? text
            .slice(0, text.indexOf('\r\n\r\n'))
            .replace('application/sdp', type)
            .replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(body)}`)
            .concat('\r\n\r\n', body)
        : text,
    );
  });

  it('that hold no session are 415 with what is read, also inside a call, and count as nobody else’s fault', async () => {
    const caller = await peer();
    const plain = { extra: ['Content-Type: text/plain'], body: 'hello' };
    const packed = { extra: ['Content-Type: application/sdp', 'Content-Encoding: zip'], body: 'PK' };
    const named = (name: string) => ({
      callId: `odd-${name}-${caller.port}`,
      branch: `z9hG4bK-${name}-${caller.port}`,
    });
    for (let i = 0; i < 30; i++) {
      const call = { uri: system.uri(long), ...named(`body-${i}`) };
      caller.request('INVITE', { ...call, ...(i % 2 ? plain : packed) });
      const answer = await eventually(`an answer to ${i}`, () =>
        caller.received.find(({ message: { status = 0 }, raw }) => status >= 200 && raw.includes(call.callId)),
      );
      expect(answer.message.status).toBe(415);
      const [name, value] = i % 2 ? ['Accept', 'application/sdp'] : ['Accept-Encoding', 'identity'];
      expect(header(answer.message, name)).toContain(value);
      caller.request('ACK', { ...call, toTag: tagOf(answer.message) });
    }
    const call = { uri: system.uri(long), ...named('inside') };
    caller.request('INVITE', { ...call, ...rawOffer() });
    const dialog = { ...call, toTag: tagOf(await caller.status(200, 1, '1 INVITE')) };
    caller.request('ACK', dialog);
    const again = { ...dialog, branch: `${dialog.branch}-2` };
    caller.request('INVITE', { ...again, cseq: 2, ...plain });
    await caller.status(415, 1, '2 INVITE');
    caller.request('ACK', { ...again, cseq: 2 });
    caller.request('INVITE', { ...dialog, cseq: 3, branch: `${dialog.branch}-3`, ...rawOffer() });
    await caller.status(200, 1, '3 INVITE');
    caller.request('ACK', { ...dialog, cseq: 3, branch: `${dialog.branch}-4` });
    caller.request('BYE', { ...dialog, cseq: 4, branch: `${dialog.branch}-5` });
    await caller.status(200, 1, '4 BYE');
    expect((await fetch(`${system.httpUrl}/health`)).status).toBe(200);
  });
});

describe('what is no call', () => {
  it.each(['SUBSCRIBE', 'PUBLISH', 'MESSAGE', 'NOTIFY', 'INFO'])(
    '%s: 405, with the methods that are taken',
    async (method) => {
      const caller = await peer();
      caller.request(method, {
        uri: system.uri(long),
        callId: `odd-${method}-${caller.port}`,
        extra: ['Event: presence', 'Refer-To: <sip:a@b>'],
      });
      const allowed = (header(await caller.status(405), 'Allow') ?? '').split(/,\s*/);
      expect(allowed).toEqual(expect.arrayContaining(['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS']));
      for (const refused of [method, 'SUBSCRIBE', 'PUBLISH', 'MESSAGE', 'REFER'])
        expect(allowed).not.toContain(refused);
    },
  );

  it('OPTIONS says what an INVITE would get', async () => {
    const caller = await peer();
    const ask = (uri: string, cseq: number) =>
      caller.request('OPTIONS', { uri, cseq, callId: `odd-options-${caller.port}` });
    ask(system.uri(long), 1);
    const known = await caller.status(200, 1, '1 OPTIONS');
    expect(header(known, 'Allow')).toContain('INVITE');
    expect(header(known, 'Allow')).not.toMatch(/SUBSCRIBE|PUBLISH|MESSAGE|REFER/);
    expect(header(known, 'Accept')).toContain('application/sdp');
    expect(header(known, 'Supported')).toContain('timer');
    ask(system.uri('0399999999'), 2);
    await caller.status(404, 1, '2 OPTIONS');
    ask(`sip:${system.sipHost}:${system.sipPort}`, 3);
    await caller.status(200, 1, '3 OPTIONS');
  });
});

it('whatever is refused before anybody sees a call in it can be looked up, by what was wrong and who sent it', async () => {
  const address = '127.0.0.44';
  const caller = await peer(address);
  const offer = rawOffer();
  const withHeader = (line: string) => ({ ...offer, extra: [...offer.extra, line] });
  const refused: Record<string, [string, RawRequest]> = {
    'INVITE 400 bad-request': ['INVITE', withHeader('Contact: <sip:another@127.0.0.1>')],
    'INVITE 415 media-type': ['INVITE', { extra: ['Content-Type: text/plain'], body: 'hello' }],
    'INVITE 420 bad-extension': ['INVITE', withHeader('Require: telepathy')],
    'INVITE 422 session-too-short': ['INVITE', withHeader('Supported: timer\r\nSession-Expires: 10')],
    'MESSAGE 405 method-not-allowed': ['MESSAGE', {}],
    'SUBSCRIBE 405 method-not-allowed': ['SUBSCRIBE', { extra: ['Event: presence'] }],
  };
  for (const [kind, [method, request]] of Object.entries(refused)) {
    const status = Number(kind.split(' ')[1]);
    const call = { uri: system.uri(long), callId: `refused-${kind}`.replaceAll(' ', '-'), ...request };
    caller.request(method, call);
    const answer = await eventually(kind, () =>
      caller.received.find(({ message }) => message.status === status && header(message, 'Call-ID') === call.callId),
    );
    if (method === 'INVITE') caller.request('ACK', { ...call, body: '', extra: [], toTag: tagOf(answer.message) });
  }
  let counted: string[] = [];
  const isCounted = async () => {
    const { stdout } = await denwaban(['refusals', '--json'], system.environment);
    const minutes = JSON.parse(stdout) as RefusedInMinute[];
    const ofCaller = minutes.filter(({ sources }) => sources.some((source) => source.address === address));
    counted = ofCaller.map(({ method, sipStatus, cause }) => `${method} ${sipStatus} ${cause}`).sort();
    return counted.length >= Object.keys(refused).length;
  };
  await eventually('as many to be counted', isCounted, { timeoutMs: 12_000, everyMs: 1_000 }).catch(() => undefined);
  expect(counted).toEqual(Object.keys(refused));
});

it('what strangers write into headers is never in the log', async () => {
  const caller = await peer();
  const forged = '{"level":50,"time":1,"msg":"forged by a stranger"}';
  for (const method of ['REGISTER', 'INVITE', 'OPTIONS', 'MESSAGE']) {
    const text = caller.text(method, { uri: system.uri(long), callId: `forged-${method}-${caller.port}` });
    caller.send(text.replace(/\r\n\r\n$/, `\r\nX:\r\n ${forged}\r\n`));
  }
  await callSpelt((same) => same);
  const lines = system.program.output().split('\n');
  expect(lines.filter((line) => line.includes('forged'))).toEqual([]);
});
