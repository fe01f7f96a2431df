/** The part of drachtio-srf 5.0.29 the tests use, as its code has it; the types it ships say otherwise in places. */

export interface SipMessageView {
  method: string;
  body: string;
  status: number;
  get(header: string): string;
  has(header: string): boolean;
  stackDialogId: string;
}

export interface SrfRequest extends SipMessageView {
  on(event: 'cancel', listener: (cancel: SipMessageView) => void): void;
  on(event: 'update', listener: (update: SipMessageView, res: SrfResponse) => void): void;
  on(event: 'response', listener: (res: SipMessageView, ack: (options?: object) => void) => void): void;
  cancel(callback?: (error: Error | null) => void): void;
}

export interface SendOptions {
  headers?: Record<string, string>;
  body?: string;
}

export interface SrfResponse extends SipMessageView {
  send(
    status: number,
    options?: SendOptions,
    callback?: (error: unknown) => void,
    onPrack?: (prack: SipMessageView) => void,
  ): void;
}

export interface SrfDialog {
  id: string;
  sip: { callId: string };
  local: { sdp: string };
  remote: { sdp: string };
  on(event: string, listener: (req: SrfRequest, res: SrfResponse) => void): void;
  on(event: 'destroy', listener: (bye: SrfRequest, reason: string) => void): void;
  once(event: 'ack', listener: (ack: SrfRequest) => void): void;
  destroy(): Promise<SrfRequest>;
  modify(sdp: string): Promise<string>;
  request(options: SendOptions & { method: string }): Promise<SipMessageView>;
}

export interface UacOptions {
  localSdp?: string;
  headers?: Record<string, string>;
  noAck?: boolean;
  proxy?: string;
  callingNumber?: string;
  auth?: { username: string; password: string };
}

export interface UacCallbacks {
  cbRequest?: (error: unknown, req: SrfRequest) => void;
  cbProvisional?: (res: SipMessageView) => void;
}

type Handler = (req: SrfRequest, res: SrfResponse) => void;

export interface App {
  on(event: string, listener: (...args: never[]) => void): void;
  connect(options: { host: string; port: number; secret: string; tags?: string[] }): void;
  invite(handler: Handler): void;
  options(handler: Handler): void;
  use(method: string, handler: Handler): void;
  createUAS(
    req: SrfRequest,
    res: SrfResponse,
    options: { localSdp: string | (() => Promise<string>); headers?: Record<string, string> },
  ): Promise<SrfDialog>;
  createUAC(
    uri: string,
    options: UacOptions & { noAck: true },
  ): Promise<{
    sdp: string;
    ack(sdp: string): Promise<SrfDialog>;
  }>;
  createUAC(uri: string, options: UacOptions, callbacks?: UacCallbacks): Promise<SrfDialog>;
  createB2BUA(
    req: SrfRequest,
    res: SrfResponse,
    uri: string,
    options: UacOptions,
  ): Promise<{ uas: SrfDialog; uac: SrfDialog }>;
  request(uri: string, options: SendOptions & { method: string }): Promise<SrfRequest>;
}
