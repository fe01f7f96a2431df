import { expect, it } from 'vitest';
import { createLogger } from '../../src/logger.ts';

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
