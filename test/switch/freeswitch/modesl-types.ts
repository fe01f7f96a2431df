/** The parts of modesl 1.2.1 and drachtio-fsmrf 4.1.2 that the tests use; neither ships types. */

export interface ModeslEvent {
  getHeader(name: string): string;
  getBody(): string;
}

export interface ModeslConnection {
  subscribe(events: string[], callback: () => void): void;
  api(command: string, callback: (reply: ModeslEvent) => void): void;
  bgapi(command: string, args: string, callback: (event: ModeslEvent) => void): void;
  execute(app: string, arg: string, uuid: string, callback: (event: ModeslEvent) => void): string;
  on(event: string, listener: (event: ModeslEvent) => void): void;
  disconnect(): void;
}

export interface Modesl {
  Connection: new (host: string, port: number, password: string, ready: () => void) => ModeslConnection;
}

export interface FsmrfMediaServer {
  sip: { ipv4: { udp: { address: string } } };
  maxSessions: number;
  currentSessions: number;
  api(command: string): Promise<string>;
  disconnect(): void;
}

export type Fsmrf = new (
  srf: object,
) => {
  connect(options: { address: string; port: number; secret: string; listenAddress: string }): Promise<FsmrfMediaServer>;
};
