import { expect, test } from 'vitest';
import { calledNumber } from '../../src/telephony/called-number.ts';

const called = (uri: string, to = '<sip:0399990000@x>', inTo = false) =>
  calledNumber({ uri, source_address: '192.0.2.7', get: (name) => (name === 'To' ? to : undefined) }, () => inTo);

test.each([
  'sip:0355550002@127.0.0.1',
  'sip:81355550002@127.0.0.1',
  'sip:+81355550002@127.0.0.1;user=phone',
  'sip:+810355550002@127.0.0.1',
  'sip:0081355550002@127.0.0.1',
  'sip:%2B81-3-5555-0002@127.0.0.1',
  'sip:0355550002;npdi;rn=+81399990000@127.0.0.1;user=phone',
  'sip:0355550002;phone-context=+81@127.0.0.1',
  'sip:55550002;phone-context=+813@127.0.0.1;user=phone',
  'sips:1840355550002@127.0.0.1',
  'sip:355550002;phone-context=%2B81@x;user=phone',
  'sip:355550002%3Bphone-context=+81@x',
  'sip:5555-0002@x;user=phone;phone-context=+813',
  'tel:355550002;phone-context=+81',
  'tel:+81-3-5555-0002',
  'tel:03(5555)0002',
])('%s is the number +81355550002', (uri) => {
  expect(called(uri)).toBe('+81355550002');
});

test('a trunk that names it in To is believed there, where To has a number', () => {
  expect(called('sip:trunkuser@x', '<sip:0355550002@x>', true)).toBe('+81355550002');
  expect(called('sip:0355550002@x', '<sip:trunk@x>', true)).toBe('+81355550002');
  expect(called('sip:trunkuser@x', '<sip:0355550002@x>')).toBe('trunkuser');
});
