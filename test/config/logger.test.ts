import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { createLogger, keepPackagesOffConsole } from '../../src/logger.ts';

/** The part of srf that prints. */
interface SrfAgent {
  mapServer: Map<object, object>;
  _onMsg(socket: object, text: string): void;
}
const SrfAgent: new (handler: () => void) => SrfAgent = createRequire(import.meta.url)(
  'drachtio-srf/lib/drachtio-agent.js',
);

it('the log drops personal data wherever a room puts it, and keeps the rest', () => {
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => lines.push(line) });
  logger.info(
    { callId: 'call_1', fromNumber: '09011112222', digits: '1234', leg: { toNumber: '0312345678', kind: 'caller' } },
    'answered',
  );
  logger.child({ callId: 'call_2', name: '山田' }).warn({ number: '110' }, 'refused');
  logger.debug({}, 'not at this level');
  expect(lines).toHaveLength(2);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ callId: 'call_1', leg: { kind: 'caller' }, msg: 'answered' });
  expect(lines.join('')).not.toMatch(/0901111|1234|03123|山田|"110"/);
});

it('what a package writes to the console is a line of the log without its words; ours is written', () => {
  const methods = { error: console.error, log: console.log };
  const [ours, lines]: [string[], string[]] = [[], []];
  console.log = (text: string) => void ours.push(text);
  console.error = (text: string) => void ours.push(text);
  try {
    keepPackagesOffConsole(createLogger('info', { write: (line) => lines.push(line) }));
    for (let i = 0; i < 30; i++) brokenMessageFor(new SrfAgent(() => undefined));
    console.log('denwaban ready');
  } finally {
    Object.assign(console, methods);
  }
  expect(ours).toEqual(['denwaban ready']);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { package: 'drachtio-srf', count: 1 },
    { package: 'drachtio-srf', count: 10 },
  ]);
  expect(lines.join('')).not.toContain('0312345678');
});

/** srf cannot read it, and says so with the whole of it. */
function brokenMessageFor(agent: SrfAgent): void {
  const socket = {};
  agent.mapServer.set(socket, {});
  agent._onMsg(socket, 'id|sip|network|1|udp|192.0.2.1|5060|12:00:00|txn|\r\nINVITE sip:0312345678@x');
}
