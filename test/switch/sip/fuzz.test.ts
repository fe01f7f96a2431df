import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dialog, SipEndpoint } from '../../../src/switch/sip/api.ts';
import { addressOf, RawPeer, sdp, settled, startEndpoint } from './support.ts';

/** Whatever comes over a live socket, the endpoint lives, answers the next honest request, and forgets everything. */

let endpoint: SipEndpoint;
let peer: RawPeer;
const dialogs: Dialog[] = [];

beforeAll(async () => {
  endpoint = await startEndpoint({ t1Ms: 5 });
  peer = await RawPeer.open(addressOf(endpoint));
  endpoint.on('request', (transaction) => {
    if (transaction.request.method !== 'INVITE') {
      transaction.respond(200);
      return;
    }
    transaction.respond(180);
    if (transaction.finalStatus !== 0) return;
    const { dialog } = transaction.respond(200, { body: sdp });
    if (dialog) dialogs.push(dialog);
  });
});
afterAll(async () => {
  peer.close();
  await endpoint.stop();
});

let probe = 0;
async function stillAnswers(): Promise<void> {
  peer.received.length = 0;
  peer.request('OPTIONS', { callId: `probe-${++probe}` });
  await peer.status(200, 1, 'OPTIONS');
}

const junk = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('', ';', ';;', '"', '<', '>', ',', '\r\n ', '=', 'sip:', '\0', '%', '9'.repeat(40), '-1', '電', ' '),
);

/** A request or an answer with one or more places broken. */
const brokenMessage = fc
  .record({
    method: fc.constantFrom('INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'PRACK', 'UPDATE', 'REGISTER', 'REFER', 'X'),
    toTag: fc.constantFrom(undefined, 'a', 'b'),
    cseq: fc.integer({ min: 0, max: 4 }),
    branch: fc.constantFrom('z9hG4bK1', 'z9hG4bK2', 'old', ''),
    edits: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(12), put: junk }), {
      maxLength: 4,
    }),
    status: fc.constantFrom(undefined, 100, 180, 200, 404),
    extra: fc.array(
      fc.constantFrom(
        ...[
          'Require: 100rel',
          'RAck: 1 1 INVITE',
          'Session-Expires: 100',
          'Supported: timer, 100rel',
          'Record-Route: <',
        ],
        ...['Content-Length: 99', 'Route: <sip:x>', 'Contact: *', 'Via: SIP/2.0/UDP x', 'Max-Forwards: 0', 'RSeq: 1'],
      ),
      { maxLength: 3 },
    ),
  })
  .map(({ method, edits, status, toTag, ...options }) => {
    let text = peer.text(method, { ...options, ...(toTag ? { toTag } : {}), callId: 'fuzz' });
    if (status) text = text.replace(/^.*\r\n/, `SIP/2.0 ${status} x\r\n`);
    for (const { at, cut, put } of edits) {
      const position = Math.floor(at * text.length);
      text = text.slice(0, position) + put + text.slice(position + cut);
    }
    return text;
  });

describe('any input', () => {
  it('bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 500 }), { maxLength: 20 }), async (packets) => {
        for (const packet of packets) peer.send(Buffer.from(packet));
        await stillAnswers();
      }),
      { numRuns: 50 },
    );
  });

  it('broken messages, in dialogs and outside', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(brokenMessage, { minLength: 1, maxLength: 20 }), async (texts) => {
        for (const text of texts) peer.send(text);
        await stillAnswers();
      }),
      // The first is whole, so that the others meet a dialog.
      { numRuns: 150, examples: [[[peer.text('INVITE', { branch: 'z9hG4bKwhole', callId: 'fuzz' })]]] },
    );
    expect(dialogs.length).toBeGreaterThan(0);
    await settled(endpoint);
  });
});
