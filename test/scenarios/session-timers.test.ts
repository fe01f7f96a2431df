import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  phoneSystem,
  type SippRun,
  sippAck,
  sippAnswered,
  sippBye,
  sippInDialog,
  sippInvite,
  sippReply,
  sippSdp,
  sippWaitForBye,
  startSipp,
  toService,
} from '../support/sipp.ts';
import { type System, startSystem } from '../support/system.ts';

const long = '0311110007';
const patient = '0311110010';
const trying = '<recv response="100" optional="true"/>';
const timer = (value: string) => `Supported: timer\nSession-Expires: ${value}`;

let system: System;
/** The two that take their time run beside the others. */
let silent: SippRun;
let passive: SippRun;

const startLong = (service: string, scenario: string) =>
  startSipp({
    scenario,
    service,
    target: `${system.sipHost}:${system.sipPort}`,
    timeoutSeconds: 150,
    // A leg without any sound would be ended for that.
    extra: ['-rtp_echo'],
  });

beforeAll(async () => {
  system = await startSystem({ flows: 'test/scenarios/flows' });
  silent = await startLong(patient, sippInvite({ headers: timer('90;refresher=uac') }) + sippAnswered + sippWaitForBye);
  passive = await startLong(
    long,
    `${sippInvite({ headers: timer('90;refresher=uas') })}${sippAnswered}<recv request="INVITE" timeout="100000"/>` +
      `${sippReply('200 OK', { body: sippSdp })}<recv request="ACK"/>${sippBye}`,
  );
});
afterAll(async () => {
  await system.stop();
});

const phone = (scenario: string) => phoneSystem(system, long, scenario);

describe('session timers (RFC 4028)', () => {
  it('an interval that is wanted is agreed on, and refreshed by re-INVITE and by UPDATE', async () => {
    const headers = timer('1800;refresher=uac');
    const reinvite = `${sippInDialog('INVITE', { cseq: 2, headers, body: sippSdp })}${trying}<recv response="200"/>${sippInDialog('ACK', { cseq: 2 })}`;
    const update = `${sippInDialog('UPDATE', { cseq: 3, headers })}<recv response="200"/>`;
    const messages = await phone(sippInvite({ headers }) + sippAnswered + reinvite + update + sippBye);
    for (const cseq of ['1 INVITE', '2 INVITE', '3 UPDATE']) {
      const isAnswer = (part: string) => part.includes(`CSeq: ${cseq}`) && part.includes('SIP/2.0 200');
      const answer = messages.split(/^-+.*$/m).find(isAnswer) ?? '';
      expect(answer, cseq).toMatch(/^Require: *timer/im);
      expect(answer, cseq).toMatch(/^Session-Expires: *1800; *refresher=uac/im);
    }
  });

  it('an interval too small is refused, with the smallest there is', async () => {
    const messages = await phone(
      `${sippInvite({ headers: timer('30') })}${trying}<recv response="422"/>${toService(sippAck)}`,
    );
    expect(messages).toMatch(/^Min-SE: *90/im);
  });

  it('a caller who leaves it to us is refreshed', async () => {
    await passive.done();
    expect(passive.messages()).toMatch(/^INVITE sip:caller[\s\S]*^Session-Expires: *90; *refresher=uac/im);
  }, 120_000);

  it('a caller who was to refresh and does not is hung up at the end of the interval', async () => {
    await silent.done();
    const record = await system.closedCall(patient);
    expect(record.legs).toEqual([expect.objectContaining({ cause: 'media-timeout', sipStatus: 200 })]);
    const lastedMs = Date.parse(record.endedAt ?? '') - Date.parse(record.answeredAt ?? '');
    expect(lastedMs).toBeGreaterThan(55_000);
    expect(lastedMs).toBeLessThan(95_000);
  }, 120_000);
});
