import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { createResolve } from '../../src/outbox/resolve.ts';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** A name server on 127.0.0.1; `answer` gives an IPv4 address, NXDOMAIN (null), or nothing at all (undefined). */
async function nameServer(
  answer: (name: string) => string | null | undefined,
): Promise<{ asked: string[]; ask: (name: string) => Promise<unknown> }> {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.on('message', (query, from) => {
    const labels: string[] = [];
    let offset = 12;
    for (let length = query[offset] ?? 0; length > 0; length = query[offset] ?? 0) {
      labels.push(query.toString('latin1', offset + 1, offset + 1 + length));
      offset += 1 + length;
    }
    const isA = query.readUInt16BE(offset + 1) === 1;
    const address = answer(labels.join('.'));
    asked.push(labels.join('.'));
    if (address === undefined) return;
    const found = address !== null && isA;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(address === null ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(found ? 1 : 0, 6);
    header.fill(0, 8, 12);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...(address ?? '').split('.').map(Number)]);
    socket.send(
      Buffer.concat([header, query.subarray(12, offset + 5), found ? record : Buffer.alloc(0)]),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const resolveName = createResolve([`127.0.0.1:${socket.address().port}`]);
  const ask = (name: string) =>
    new Promise<unknown>((resolve) => resolveName(name, (error, addresses) => resolve(error ? error.code : addresses)));
  return { asked, ask };
}

describe('a name', () => {
  it('is asked of the name servers', async () => {
    const { asked, ask } = await nameServer((name) => (name === 'hooks.example.com' ? '93.184.215.14' : null));
    expect(await ask('hooks.example.com')).toEqual([{ address: '93.184.215.14', family: 4 }]);
    expect(asked).toContain('hooks.example.com');
  });

  it('whose servers are silent is given up, and holds up no other', async () => {
    const { ask } = await nameServer((name) => (name.startsWith('silent') ? undefined : '93.184.215.14'));
    const silent = Array.from({ length: 20 }, (_, index) => ask(`silent${index}.example.com`));
    expect(await ask('hooks.example.com')).toEqual([{ address: '93.184.215.14', family: 4 }]);
    expect(new Set(await Promise.all(silent))).toEqual(new Set(['ETIMEOUT']));
  });

  it('of one label is the system’s affair', async () => {
    const { asked, ask } = await nameServer(() => '93.184.215.14');
    expect(await ask('localhost')).toEqual(expect.arrayContaining([{ address: '127.0.0.1', family: 4 }]));
    expect(asked).toEqual([]);
  });
});
