import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMediaEngine } from './media/engine.ts';
import { createSipPhone } from './phone.ts';
import { createSipEndpoint } from './sip/endpoint.ts';

/** A telephone on a free port of this machine, ready to call `uri`. Its folder is removed with it. */
export async function openSipPhone(uri: string) {
  const address = await localAddressTowards(uri);
  const sip = createSipEndpoint({
    listen: [
      { protocol: 'udp', address, port: 0 },
      { protocol: 'tcp', address, port: 0 },
    ],
    userAgent: 'denwaban-phone',
    contactUser: 'phone',
  });
  const media = createMediaEngine({ bindAddress: address, portMin: 33_000, portMax: 33_998 });
  await sip.start();
  await media.start();
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-phone-'));
  return {
    ...createSipPhone({ sip, media, address }),
    folder,
    close: async () => {
      await media.stop();
      await sip.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The address of this machine that the peer of a SIP URI sees; the system's routes decide. */
function localAddressTowards(uri: string): Promise<string> {
  const host = /@?([^@:;>]+)(:\d+)?(;.*)?$/.exec(uri.replace(/^sips?:/, ''))?.[1] ?? '127.0.0.1';
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.on('error', reject);
    // Connecting a datagram socket sends nothing: it only picks the route.
    socket.connect(9, host, () => {
      const { address } = socket.address();
      socket.close(() => resolve(address));
    });
  });
}
