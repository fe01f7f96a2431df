import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../support/poll.ts';
import * as call from './sipp.ts';
import { connectSrf, killSrf, RawClient, startEmbedded } from './support.ts';

/** Whatever clients send, the others are served. */

let under: Awaited<ReturnType<typeof startEmbedded>>;
beforeAll(async () => {
  under = await startEmbedded();
});
afterAll(() => under.stop());

const piece = fc.oneof(
  fc.constantFrom('sip', 'route', 'remove_route', 'authenticate', 'ping', 'proxy', '', 'cdr:stop', 'cymru'),
  fc.string({ maxLength: 20 }),
);
const line = fc.oneof(
  fc.constantFrom(
    'INVITE sip:x@127.0.0.1:9 SIP/2.0',
    'INVITE sip: SIP/2.0',
    'REGISTER sips:x SIP/2.0',
    'BYE sip:placeholder SIP/2.0',
    'SIP/2.0 200 OK',
    'SIP/2.0 999',
    'Content-Type: application/sdp',
    'Call-ID: same',
    'From: sip:a@localhost;tag=1',
    'To: <<<>',
    'CSeq: x',
    'CSeq: 99999999999 INVITE',
    'Route: <sip:127.0.0.1:9;lr>',
    'Max-Forwards: -1',
    'v=0',
    '',
  ),
  fc.string({ maxLength: 30 }),
);
const frame = fc
  .tuple(fc.array(piece, { maxLength: 8 }), fc.array(line, { maxLength: 8 }))
  .map(([tokens, lines]) => [['id', ...tokens].join('|'), ...lines].join('\r\n'));

test('frames of nonsense, by clients that know the secret', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 10 }), async (frames) => {
      const client = await RawClient.authenticated(under);
      for (const text of frames) client.send(text);
      client.socket.end();
      await eventually('the connection to close', () => client.closed);
    }),
    { numRuns: 60 },
  );
  const witness = await RawClient.authenticated(under);
  expect(await witness.ask('ping')).toBe('OK|pong');
  witness.socket.destroy();
});

test('bytes of nonsense', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 500 }), async (bytes) => {
      const client = await RawClient.connect(under);
      client.socket.write(bytes);
      client.socket.end();
      await eventually('the connection to close', () => client.closed);
    }),
    { numRuns: 60 },
  );
});

test('after all that, a call is served', async () => {
  const srf = await connectSrf(under);
  srf.invite((_req, res) => res.send(486));
  await (await call.sipp([call.invite(), call.refused(486)], { target: under.sip })).done;
  killSrf(srf);
  await eventually('no client to be left', () => under.server.status.clients === 0);
});
