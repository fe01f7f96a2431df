import type { Socket } from 'node:net';

/** The part of drachtio-srf 5 that this room uses, as it really behaves; its own types leave out most of it. */
export interface SrfClient {
  connect(options: { host: string; port: number; secret: string; reconnect?: { retryMaxDelay: number } }): void;
  disconnect(): void;
  /** Takes back that requests of this method are offered to us. */
  unregisterForMessages(method: string): void;
  reregisterForMessages(method: string): void;
  on(event: 'connect', listener: (error: Error | null, hostPorts: string) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'close', listener: () => void): void;
  invite(handler: (req: SrfRequest, res: SrfResponse) => void): void;
  options(handler: (req: SrfRequest, res: SrfResponse) => void): void;
  register(handler: (req: SrfRequest, res: SrfResponse) => void): void;
  /** Handles requests of a method, as `invite` and the others do. */
  use(method: string, handler: (req: SrfRequest, res: SrfResponse) => void): void;
  createUAC(
    uri: string,
    options: UacOptions,
    progress: {
      cbRequest(error: Error | null, req: SrfRequest): void;
      cbProvisional(res: SrfResponse): void;
    },
    callback: (error: SrfError | null, dialog?: SrfDialog) => void,
  ): void;
  createUAS(
    req: SrfRequest,
    res: SrfResponse,
    options: { localSdp: string; headers?: Record<string, string> },
    callback: (error: SrfError | null, dialog?: SrfDialog) => void,
  ): void;
  /** In a dialog: `uri` is a placeholder and `stackDialogId` says which. */
  request(
    uri: string,
    options: {
      method: string;
      stackDialogId?: string;
      stackTxnId?: string;
      proxy?: string;
      headers?: Record<string, string>;
      body?: string;
    },
    callback: (error: Error | null, req?: SrfRequest) => void,
  ): void;
  findDialogById(id: string): SrfDialog | undefined;
  removeDialog(dialog: SrfDialog): void;
  readonly app: { client?: { mapServer: Map<Socket, { ready: boolean }>; wp: SrfWire } };
}

type FrameListener = (socket: Socket, text: string) => void;

/** srf's connection to drachtio: `msg` is one frame of drachtio's, without its length. */
export interface SrfWire {
  /** The newest connection, made or not; undefined for the very first. */
  readonly socket?: Socket;
  listeners(event: 'msg'): FrameListener[];
  removeAllListeners(event: 'msg'): void;
  on(event: 'msg', listener: FrameListener): void;
  on(event: 'connect' | 'close', listener: (socket: Socket) => void): void;
  on(event: 'reconnecting', listener: (retry: { delay: number }) => void): void;
  /** Sends a frame; gives its id. */
  send(socket: Socket, text: string): string;
}

export interface UacOptions {
  headers: Record<string, string>;
  localSdp: string;
  proxy?: string;
  auth?: { username: string; password: string };
}

export interface SrfError extends Error {
  status?: number;
  /** The answer that it is about. */
  res?: SrfResponse;
  reason?: string;
}

export interface SrfMessage {
  get(name: string): string | undefined;
  has(name: string): boolean;
  readonly body?: string;
}

export interface SrfRequest extends SrfMessage {
  readonly method: string;
  /** drachtio's id of the transaction. */
  readonly stackTxnId?: string;
  readonly uri: string;
  readonly callingNumber: string;
  readonly calledNumber: string;
  readonly source_address: string;
  readonly source_port: number;
  /** `udp`, `tcp`, `tls`, `ws`, `wss`. */
  readonly protocol: string;
  readonly stackDialogId?: string;
  on(event: 'cancel', listener: () => void): this;
  on(event: 'response', listener: (res: SrfResponse, ack: (options?: { body?: string }) => void) => void): this;
  cancel(options: object, callback: (error: Error | null) => void): void;
}

export interface SrfResponse extends SrfMessage {
  readonly status: number;
  readonly reason: string;
  readonly finalResponseSent: boolean;
  send(status: number, options?: { headers?: Record<string, string>; body?: string }): void;
  send(status: number, reason: string | undefined, options: { headers?: Record<string, string> }): void;
}

export interface SrfDialog {
  readonly id: string;
  /** `uas`: the other side has begun it. */
  readonly type: 'uac' | 'uas';
  /** The INVITE that began it, and its answer. */
  readonly req: SrfRequest;
  readonly res: SrfResponse;
  readonly sip: { callId: string; localTag: string; remoteTag: string };
  readonly local: { sdp: string; contact: string };
  readonly remote: { sdp: string };
  /** Called by srf for each request that arrives in the dialog. */
  handle(req: SrfRequest, res: SrfResponse): void;
  on(event: 'destroy', listener: (req: SrfRequest, reason?: string) => void): this;
  on(event: 'ack', listener: (req: SrfRequest) => void): this;
  on(
    event: 'info' | 'update' | 'refer' | 'message' | 'notify' | 'options',
    listener: (req: SrfRequest, res: SrfResponse) => void,
  ): this;
}
