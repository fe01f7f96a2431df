import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SipEndpoint } from '../../../src/switch/sip/api.ts';
import { createSipEndpoint } from '../../../src/switch/sip/endpoint.ts';
import { StreamFramer } from '../../../src/switch/sip/transport/framing.ts';
import { eventually } from '../../support/poll.ts';
import { addressOf, finalOf, sdp, settled, startEndpoint } from './support.ts';

const message = (body: string, name = 'Content-Length'): string =>
  `MESSAGE sip:a@b SIP/2.0\r\nX: y\r\n${name}: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('StreamFramer', () => {
  it('finds the same messages however the stream is cut', () => {
    const bodies = ['', 'short', '電話番\r\n\r\nMESSAGE', 'x'.repeat(3_000)];
    const stream = Buffer.from(
      bodies.map((body, i) => `${i % 2 ? '\r\n' : ''}${message(body, i % 2 ? 'l' : 'CONTENT-LENGTH ')}`).join(''),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (cuts) => {
        const framer = new StreamFramer(65_535);
        const found: string[] = [];
        let position = 0;
        for (let i = 0; position < stream.length; i++) {
          const length = cuts[i % cuts.length] ?? 1;
          for (const frame of framer.push(Buffer.from(stream.subarray(position, position + length)))) {
            if (frame.kind === 'message') found.push(frame.bytes.toString());
          }
          position += length;
        }
        expect(found.map((text) => text.slice(text.indexOf('\r\n\r\n') + 4))).toEqual(bodies);
        expect(framer.heldBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('tells pings from the line ends around messages', () => {
    const framer = new StreamFramer(1_000);
    expect(framer.push(Buffer.from('\r\n\r\n'))).toEqual([{ kind: 'ping' }]);
    expect(framer.push(Buffer.from('\r\n'))).toEqual([]);
    expect(framer.push(Buffer.from('\r\n')).map(({ kind }) => kind)).toEqual(['ping']);
    expect(framer.push(Buffer.from(`\r\n${message('a')}\r\n\r\n`)).map(({ kind }) => kind)).toEqual([
      'message',
      'ping',
    ]);
  });

  it.each([
    ['headers without end', `MESSAGE sip:a@b SIP/2.0\r\nX: ${'x'.repeat(2_000)}`],
    ['a body too long', 'MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 5000\r\n\r\n'],
    ['a length that is none', 'MESSAGE sip:a@b SIP/2.0\r\nContent-Length: -3\r\n\r\n'],
  ])('breaks off at %s, for good', (_what, text) => {
    const framer = new StreamFramer(1_000);
    expect(framer.push(Buffer.from(text)).map(({ kind }) => kind)).toEqual(['broken']);
    expect(framer.push(Buffer.from(message('ok')))).toEqual([]);
    expect(framer.heldBytes).toBe(0);
  });

  it('never holds more than a message, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
        const framer = new StreamFramer(500);
        for (const chunk of chunks) {
          framer.push(Buffer.from(chunk));
          expect(framer.heldBytes).toBeLessThanOrEqual(500);
        }
      }),
    );
  });
});

describe('TCP', () => {
  let endpoint: SipEndpoint;
  let socket: Socket;
  let received: string;

  beforeEach(async () => {
    endpoint = await startEndpoint({ maxMessageBytes: 20_000 });
    received = '';
    socket = connect(addressOf(endpoint, 'tcp').port, '127.0.0.1');
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    await once(socket, 'connect');
  });
  afterEach(async () => {
    socket.destroy();
    await endpoint.stop();
  });

  const options = (n: number): string =>
    [
      'OPTIONS sip:desk@127.0.0.1 SIP/2.0',
      `Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK${n}`,
      'From: <sip:a@b>;tag=1',
      'To: <sip:desk@127.0.0.1>',
      `Call-ID: ${n}`,
      'CSeq: 1 OPTIONS',
      'Max-Forwards: 70',
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n');

  it('answers over the same connection, messages run together and cut apart', async () => {
    socket.write(options(1) + options(2).slice(0, 50));
    await eventually('first answer', () => received.includes('Call-ID: 1'));
    socket.write(options(2).slice(50));
    await eventually('second answer', () => received.includes('Call-ID: 2'));
    expect(received.match(/SIP\/2\.0 200/g)).toHaveLength(2);
    await settled(endpoint);
  });

  it('answers a ping', async () => {
    socket.write('\r\n\r\n');
    await eventually('pong', () => received === '\r\n');
  });

  it('a thousand silent connections of one address keep nobody out, nor do keep-alives alone make one heard', async () => {
    socket.write(options(1));
    await eventually('first answer', () => received.includes('Call-ID: 1'));
    const { port } = addressOf(endpoint, 'tcp');
    const silent = Array.from({ length: 1_000 }, (_, i) => {
      const one = connect(port, '127.0.0.1');
      one.on('error', () => undefined).resume();
      if (i % 2) one.write('\r\n\r\n');
      return one;
    });
    await eventually('a bound', () => silent.filter(({ closed }) => !closed).length <= 32, { timeoutMs: 10_000 });
    socket.write(options(2));
    await eventually('second answer', () => received.includes('Call-ID: 2'));
    const late = connect(port, '127.0.0.1');
    late.write(options(3));
    const [answer] = await once(late, 'data');
    expect(String(answer)).toContain('Call-ID: 3');
    for (const one of [...silent, late]) one.destroy();
  });

  it('closes on what it can not follow', async () => {
    socket.write(`OPTIONS ${'x'.repeat(30_000)}`);
    await once(socket, 'close');
    await eventually('connection forgotten', () => endpoint.counts.tcpConnections === 0);
  });

  it('sends its requests over the connection the peer opened, where the peer listens nowhere', async () => {
    const { port } = socket.address() as { port: number };
    const incoming = once(endpoint, 'request');
    socket.write(
      options(3)
        .replaceAll('OPTIONS', 'INVITE')
        .replace('Content-Length', 'Contact: <sip:a@127.0.0.1:9;transport=tcp>\r\nContent-Length'),
    );
    const [transaction] = await incoming;
    const { dialog } = transaction.respond(200, { body: sdp });
    const toTag = dialog.localTag;
    const ack = options(4).replaceAll('OPTIONS', 'ACK').replace('Call-ID: 4', 'Call-ID: 3');
    const acked = once(transaction, 'ack');
    socket.write(ack.replace('To: <sip:desk@127.0.0.1>', `To: <sip:desk@127.0.0.1>;tag=${toTag}`));
    await acked;
    expect(transaction.source.port).toBe(port);
    const bye = finalOf(dialog.request({ method: 'BYE' }));
    await eventually('BYE', () => received.includes('BYE sip:a@127.0.0.1:9'));
    const request = received.slice(received.indexOf('BYE '));
    const line = (name: string) => request.split('\r\n').find((each) => each.startsWith(`${name}:`));
    socket.write(
      `SIP/2.0 200 OK\r\n${['Via', 'From', 'To', 'Call-ID', 'CSeq'].map(line).join('\r\n')}\r\nContent-Length: 0\r\n\r\n`,
    );
    expect((await bye).message.status).toBe(200);
    await settled(endpoint);
    expect(endpoint.counts.tcpConnections).toBe(1);
  });

  it('drops a peer that does not read, and tells the sender', async () => {
    const silent = createServer((each) => each.pause());
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const uri = `sip:a@127.0.0.1:${port};transport=tcp`;
    const finals = Array.from({ length: 600 }, () =>
      finalOf(endpoint.request({ method: 'MESSAGE', uri, body: 'x'.repeat(15_000) })),
    );
    const all = await Promise.all(finals);
    expect(all.every(({ local }) => local)).toBe(true);
    expect(all.some(({ message: { status } }) => status === 503)).toBe(true);
    await settled(endpoint);
    silent.close();
  });

  it('uses one connection for many requests', async () => {
    const other = await startEndpoint();
    const uri = `sip:a@127.0.0.1:${addressOf(other, 'tcp').port};transport=tcp`;
    const finals = Array.from({ length: 50 }, () => finalOf(endpoint.request({ method: 'OPTIONS', uri })));
    for (const final of finals) expect((await final).message.status).toBe(200);
    expect(other.counts.tcpConnections).toBe(1);
    await other.stop();
  });
});

it('a port in use is an error, and what was opened before it is closed', async () => {
  const first = await startEndpoint();
  const taken = addressOf(first, 'tcp');
  await expect(startEndpoint({ listen: [{ protocol: 'udp', address: '127.0.0.1', port: 0 }, taken] })).rejects.toThrow(
    'EADDRINUSE',
  );
  await first.stop();
  const again = await startEndpoint({ listen: [taken] });
  await again.stop();
});

describe('port 0', () => {
  it('is the same port for UDP and TCP on one address', async () => {
    for (let round = 0; round < 20; round++) {
      const endpoint = createSipEndpoint({
        listen: [
          { protocol: 'udp', address: '127.0.0.1', port: 0 },
          { protocol: 'tcp', address: '127.0.0.1', port: 0 },
        ],
        userAgent: 'test',
      });
      await endpoint.start();
      const ports = endpoint.addresses.map(({ port }) => port);
      expect(ports[0]).toBeGreaterThan(0);
      expect(new Set(ports).size).toBe(1);
      await endpoint.stop();
    }
  });
});
