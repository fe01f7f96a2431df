import { describe, expect, it, test } from 'vitest';
import { callerNumber, trustedPeers, userOf } from '../../src/telephony/caller-number.ts';
import { Bench, openPair } from './harness.ts';

const carrier = '192.0.2.7';
const trusts = trustedPeers([carrier, '10.20.0.0/16']);

function numberOf(headers: Record<string, string>, sourceAddress = carrier): string {
  const get = (name: string) => headers[name];
  return callerNumber({ get, source_address: sourceAddress }, trusts);
}

const from = { From: '"Sakura" <sip:0311112222@example.com>;tag=1' };
const asserted = { ...from, 'P-Asserted-Identity': '<sip:+81399998888@carrier.example;user=phone>' };

describe('who calls', () => {
  it('is what From says, where nobody asserts otherwise', () => {
    expect(numberOf(from)).toBe('0311112222');
    expect(numberOf({ From: 'sip:0311112222@example.com;tag=1' })).toBe('0311112222');
    expect(numberOf({ From: '<tel:+81-3-1111-2222;phone-context=x>;tag=1' })).toBe('+81311112222');
  });

  it('is what a trusted peer asserts', () => {
    expect(numberOf(asserted)).toBe('+81399998888');
    expect(numberOf(asserted, '10.20.255.1')).toBe('+81399998888');
    const hidden = { From: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1' };
    expect(numberOf({ ...hidden, 'P-Asserted-Identity': '<tel:+81-3-9999-8888>' })).toBe('+81399998888');
  });

  it('is not what just anybody asserts', () => {
    for (const address of ['192.0.2.8', '10.21.0.1', '127.0.0.1', 'nonsense']) {
      expect(numberOf(asserted, address)).toBe('0311112222');
    }
    expect(
      callerNumber(
        { get: (name) => asserted[name as keyof typeof asserted], source_address: carrier },
        trustedPeers([]),
      ),
    ).toBe('0311112222');
  });

  it('is not what a caller would prefer to be', () => {
    expect(numberOf({ ...from, 'P-Preferred-Identity': '<sip:110@police.example>' })).toBe('0311112222');
  });

  it('is the number of two identities, whichever comes first', () => {
    const two = '"a, <b>" <sip:desk.sakura@carrier.example>, <tel:+81399998888>';
    expect(numberOf({ ...from, 'P-Asserted-Identity': two })).toBe('+81399998888');
    expect(numberOf({ ...from, 'P-Asserted-Identity': '<sip:desk.sakura@carrier.example>' })).toBe('desk.sakura');
    expect(numberOf({ ...from, 'P-Asserted-Identity': '<sip:carrier.example>' })).toBe('0311112222');
  });

  it('is nobody’s business where the caller withholds it, whoever knows it', () => {
    for (const Privacy of ['id', 'ID', 'id;critical', 'header; id', 'user', 'header']) {
      expect(numberOf({ ...asserted, Privacy })).toBe('anonymous');
      expect(numberOf({ ...from, Privacy }, '127.0.0.1')).toBe('anonymous');
    }
    expect(numberOf({ ...asserted, Privacy: 'none' })).toBe('+81399998888');
    expect(numberOf({ From: '<sip:Anonymous@anonymous.invalid>;tag=1' })).toBe('anonymous');
    expect(numberOf({ From: '<sip:gateway.example>;tag=1' })).toBe('anonymous');
    expect(numberOf({})).toBe('anonymous');
  });

  it('is nobody where there is no number, in whatever spelling', () => {
    const users = [
      'unavailable',
      'Unavailable',
      'restricted',
      'anonymous',
      'Private',
      'unknown',
      'payphone',
      'P',
      'c',
      'O',
    ];
    const odd = [
      'S',
      '0',
      '000',
      '1',
      '+',
      'no-number',
      'out_of_area',
      'coin%20line',
      '%E9%9D%9E%E9%80%9A%E7%9F%A5',
      'a%0Ab',
    ];
    for (const user of [...users, ...odd]) {
      expect([user, numberOf({ From: `"x" <sip:${user}@gw.example>;tag=1` })]).toEqual([user, 'anonymous']);
    }
    expect(numberOf({ From: '<sip:@gw.example>;tag=1' })).toBe('anonymous');
    // The carrier knows it all the same, and shows it.
    const asserted_ = { From: '<sip:unavailable@x>;tag=1', 'P-Asserted-Identity': '<sip:0399998888@x>' };
    expect(numberOf(asserted_)).toBe('0399998888');
    expect(numberOf(asserted_, '203.0.113.1')).toBe('anonymous');
    expect(numberOf({ ...from, 'P-Asserted-Identity': '<sip:unavailable@x>' })).toBe('anonymous');
  });

  it('is what Remote-Party-ID of a trusted peer says, and hidden where anybody’s says so', () => {
    const party = (parameters: string) => ({ ...from, 'Remote-Party-ID': `"Y" <sip:0399998888@x>${parameters}` });
    expect(numberOf(party(';party=calling;privacy=off;screen=yes'))).toBe('0399998888');
    expect(numberOf(party(';privacy=name'))).toBe('0399998888');
    expect(numberOf(party(';party=called;privacy=full'))).toBe('0311112222');
    expect(numberOf(party(''), '203.0.113.1')).toBe('0311112222');
    for (const privacy of ['full', 'uri', '"full"']) {
      for (const address of [carrier, '203.0.113.1']) {
        expect(numberOf(party(`;party=calling;screen=yes;privacy=${privacy}`), address)).toBe('anonymous');
      }
    }
  });

  it('is read from whatever a URI may carry', () => {
    const cases = [
      ['<tel:355550002;phone-context=+81>', '+81355550002'],
      ['<tel:5555-0002;phone-context=+81-3>;tag=1', '+81355550002'],
      ['<sip:355550002;phone-context=+81@x;user=phone>', '+81355550002'],
      ['<tel:201;phone-context=pbx.example>', '201'],
      ['<sip:0355550002;npdi;rn=+81399990000@x;user=phone>', '0355550002'],
      ['<sip:0355550002:secret@x>', '0355550002'],
      ['<sip:%2B81355550002@x>', '+81355550002'],
      ['<sip:0355550002%3Bnpdi@x>', '0355550002'],
      ['Yamada, Taro <sip:0901112222@carrier.example>;tag=f1', '0901112222'],
    ];
    for (const [header = '', number] of cases) expect([header, userOf(header)]).toEqual([header, number]);
  });

  it('does not come from a display name', () => {
    expect(userOf('"sip:110@x" <sip:0311112222@x>')).toBe('0311112222');
    expect(userOf('"a \\" <sip:110@x>" <sip:0311112222@x>')).toBe('0311112222');
    expect(userOf('sip:100%25@x')).toBe('100%');
    expect(userOf('sip:100%@x')).toBe('100%');
  });
});

test('a call from a trusted peer is offered with the asserted number; from others with that of From', async () => {
  const pair = await openPair();
  const offer = async (trusted: string[], extraHeaders: string[]) => {
    const bench = await Bench.open(pair, { trustedPeers: trusted });
    const phone = await bench.phone();
    phone.extraHeaders = extraHeaders;
    phone.startCall('0312345678', bench.sip);
    await expect.poll(() => bench.incoming.length).toBe(1);
    const [call] = bench.incoming;
    call?.reject(486);
    await expect.poll(() => phone.status).toBe(486);
    await bench.close();
    return call?.fromNumber;
  };
  const identities = ['P-Asserted-Identity: "Sakura" <sip:0399998888@x>', 'P-Asserted-Identity: <tel:+81399998888>'];
  expect(await offer(['127.0.0.0/8'], identities)).toBe('+81399998888');
  expect(await offer(['127.0.0.0/8'], [...identities, 'Privacy: id'])).toBe('anonymous');
  expect(await offer([], identities)).toBe('+81901112222');
  await pair.stop();
});
