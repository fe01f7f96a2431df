import esl from 'modesl';
import { readConfig } from '../../src/config.ts';

/** What the baselines use of modesl, which has no types of its own. */
export interface EventSocket {
  api(command: string, callback?: (response: { getBody(): string }) => void): void;
  bgapi(command: string): void;
  send(command: string, args?: Record<string, string>): void;
  on(event: string, listener: (event: { getHeader(name: string): string }) => void): void;
}

interface Connection extends EventSocket {
  socket: { setNoDelay(on: boolean): void };
  events(format: string, names: string, callback?: () => void): void;
}

const { Connection: EslConnection } = esl as unknown as {
  Connection: new (host: string, port: number, password: string, ready: () => void) => Connection;
};

/** Calls `onParked` once for each channel that freeswitch-conf parks, although the event can come more than once. */
export function whenParked(
  socket: EventSocket,
  onParked: (uuid: string, header: (name: string) => string) => void,
): void {
  const seen = new Set<string>();
  socket.on('esl::event::CHANNEL_PARK::**', (event) => {
    const uuid = event.getHeader('Unique-ID');
    if (seen.has(uuid)) return;
    seen.add(uuid);
    onParked(uuid, (name) => event.getHeader(name));
  });
}

/** The configured pair. */
export function configuredPair() {
  const { drachtio, freeswitches } = readConfig();
  const [freeswitch] = freeswitches ?? [];
  if (!drachtio || !freeswitch) throw new Error('set DRACHTIO_URL and FREESWITCH_URLS');
  return { drachtio, freeswitch };
}

/** Connects to FreeSWITCH, subscribes, and asks where its SIP profile listens (`ip:port`). */
export function openEventSocket(
  { host, port, password }: { host: string; port: number; password: string },
  events: string,
): Promise<{ socket: EventSocket; sipAddress: string }> {
  return new Promise((resolve, reject) => {
    const connection: Connection = new EslConnection(host, port, password, () => {
      connection.socket.setNoDelay(true);
      connection.events('json', events, () => {
        connection.api('sofia status', (response) => {
          const sipAddress = /drachtio_mrf\s.*sip:mod_sofia@([\d.]+:\d+)/.exec(response.getBody())?.[1];
          if (sipAddress) resolve({ socket: connection, sipAddress });
          else reject(new Error('no drachtio_mrf profile'));
        });
      });
    });
  });
}
