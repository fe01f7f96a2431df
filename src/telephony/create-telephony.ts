import type { PhoneRegistrations } from '../call/phones.ts';
import type {
  DialAttempt,
  DialRequest,
  Leg,
  LegEvent,
  LegSnapshot,
  Telephony,
  TelephonyHandlers,
  TelephonyStatus,
} from '../call/telephony.ts';
import type { ChannelRecord } from '../kernel/channel-record.ts';
import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { PartHealth } from '../kernel/health.ts';
import type { Logger } from '../kernel/logger.ts';
import { AdoptedLegs } from './adopted-legs.ts';
import { type TrustedPeers, trustedPeers, userOf } from './caller-number.ts';
import { ChannelRecordLink } from './channel-record-link.ts';
import { DescriptionReader } from './description-reader.ts';
import { type ExpectedInvite, legHeader } from './expected-invite.ts';
import type { LookUp } from './host-names.ts';
import { type IncomingCallOptions, NetworkCall } from './incoming-call.ts';
import { SwitchLeg } from './leg.ts';
import { MediaServer, type MediaServerAddress } from './media-server.ts';
import type { RefusedRequest } from './message-guard.ts';
import { OutgoingCall, type Trunk } from './outgoing-call.ts';
import { defaultPhoneWatchTimes, PhoneWatch, type PhoneWatchTimes } from './phone-watch.ts';
import { Registrar } from './registrar.ts';
import { type DrachtioAddress, SipServer } from './sip-server.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

/** How long each thing may take; what takes longer has failed. */
export interface TelephonyDeadlines {
  /** Connecting to drachtio or an event socket. */
  connectMs: number;
  /** An answer on the event socket. */
  commandMs: number;
  /** FreeSWITCH's answer to an INVITE, drachtio's to our 200. */
  answerMs: number;
  byeMs: number;
  /** A lost event link that stays away for longer has taken its legs with it. */
  linkGraceMs: number;
  /** A media server that failed a call is taken only after the others for this long. */
  sickMs: number;
  /** How often an adopted leg is asked whether it is still there. */
  probeEveryMs: number;
}

export const defaultDeadlines: TelephonyDeadlines = {
  connectMs: 5_000,
  commandMs: 2_000,
  answerMs: 3_000,
  byeMs: 2_000,
  linkGraceMs: 4_000,
  sickMs: 5_000,
  probeEveryMs: 10_000,
};

export interface TelephonyOptions {
  drachtio: DrachtioAddress;
  freeswitches: MediaServerAddress[];
  /** Where outgoing calls go; without one every dial is `unreachable`. */
  trunk?: Trunk;
  /** Short for a trunk without a password. */
  trunkUri?: string | undefined;
  /** Agents' phones register here; without it, no phone can. */
  phones?: PhoneRegistrations | undefined;
  /** Peers whose word on who calls is believed (P-Asserted-Identity): IPv4 addresses and networks. */
  trustedPeers?: readonly string[];
  /** Peers whose calls name the number dialled in To alone. */
  numberInToPeers?: readonly string[];
  /** Told of every channel that a FreeSWITCH has ended, by a connection of its own to each. */
  onChannelRecord?: (record: ChannelRecord) => void;
  /** Told of every request that was refused because of how it is written, or before it could be offered as a call. */
  onRefused?: (refused: RefusedRequest) => void;
  /** How host names in session descriptions are looked up; by the system's name servers where left out. */
  lookUp?: LookUp | undefined;
  clock: Clock;
  logger: Logger;
  deadlines?: Partial<TelephonyDeadlines>;
  phoneWatch?: Partial<PhoneWatchTimes>;
}

/** What drachtio and srf do for us (RFC 3262, RFC 4028). */
const supportedExtensions = new Set(['100rel', 'timer']);

/** The telephony port on drachtio and FreeSWITCH; `sipAddress` is where drachtio takes calls, once started. */
export interface SwitchTelephony extends Telephony {
  sipAddress(): { address: string; port: number } | undefined;
  /** How each end of its links is, by name: `drachtio`, and `freeswitch …` for each. */
  parts(): Record<string, PartHealth>;
}

export function createTelephony(options: TelephonyOptions): SwitchTelephony {
  return new DrachtioTelephony(options);
}

class DrachtioTelephony implements SwitchTelephony {
  readonly #options: TelephonyOptions;
  readonly #deadlines: TelephonyDeadlines;
  readonly #trusts: TrustedPeers;
  readonly #namesItInTo: TrustedPeers;
  readonly #reader: DescriptionReader;
  readonly #trunk: Trunk | undefined;
  readonly #sip: SipServer;
  readonly #servers: MediaServer[];
  readonly #recordLinks: ChannelRecordLink[];
  readonly #legs = new Map<string, SwitchLeg>();
  /** INVITEs that media servers were told to send us, by leg id. */
  readonly #expected = new Map<string, ExpectedInvite>();
  readonly #adopted: AdoptedLegs;
  readonly #phones: PhoneWatch;
  #handlers: TelephonyHandlers | undefined;
  #draining = false;
  #onFirstReady: (() => void) | undefined;

  constructor(options: TelephonyOptions) {
    const { clock, logger } = options;
    this.#options = options;
    this.#deadlines = { ...defaultDeadlines, ...options.deadlines };
    this.#reader = new DescriptionReader(clock, options.lookUp);
    this.#trusts = trustedPeers(options.trustedPeers ?? []);
    this.#namesItInTo = trustedPeers(options.numberInToPeers ?? []);
    this.#trunk = options.trunk ?? (options.trunkUri ? { uri: options.trunkUri } : undefined);
    this.#adopted = new AdoptedLegs({ clock, probeEveryMs: this.#deadlines.probeEveryMs });
    const registrar = options.phones && new Registrar({ phones: options.phones, clock, logger });
    this.#sip = new SipServer({
      drachtio: options.drachtio,
      clock,
      logger,
      connectDeadlineMs: this.#deadlines.connectMs,
      onInvite: (req, res) => this.#onInvite(req, res),
      onOptions: (req, res) => this.#onOptions(req, res),
      onRegister: registrar && ((req, res) => this.#onRegister(registrar, req, res)),
      onRefused: options.onRefused,
      onReconnected: () => this.#adopted.watchAll(this.#legs.values()),
    });
    this.#phones = new PhoneWatch({
      ...{ clock, logger, times: { ...defaultPhoneWatchTimes, ...options.phoneWatch } },
      canAsk: () => this.#sip.connected,
      isAdopted: (leg) => this.#adopted.has(leg),
    });
    this.#servers = options.freeswitches.map((address) => this.#newServer(address));
    const onRecord = options.onChannelRecord;
    const heard = onRecord ? options.freeswitches : [];
    this.#recordLinks = heard.map(
      (address) => new ChannelRecordLink({ address, clock, logger, onRecord: (record) => onRecord?.(record) }),
    );
  }

  /** @throws DenwabanError when drachtio or every FreeSWITCH cannot be reached; nothing is left running then. */
  async start(handlers: TelephonyHandlers): Promise<void> {
    this.#handlers = handlers;
    try {
      await this.#connect();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #connect(): Promise<void> {
    const ready = new Promise<void>((resolve) => {
      this.#onFirstReady = resolve;
    });
    await this.#sip.start();
    for (const part of [...this.#servers, ...this.#recordLinks]) part.start();
    const answer = await withDeadline(this.#options.clock, ready, this.#deadlines.connectMs * 3);
    if (answer !== deadlinePassed) return;
    const names = this.#options.freeswitches.map(({ host, port }) => `${host}:${port}`).join(', ');
    throw new DenwabanError('MEDIA_UNREACHABLE', `no FreeSWITCH is ready (${names})`, {
      remedy: 'Check that it runs, its password, and FREESWITCH_URLS',
    });
  }

  drain(): void {
    this.#draining = true;
    this.#withdrawIfDue();
  }

  #forgetExpected(legId: string): void {
    this.#expected.delete(legId);
    this.#withdrawIfDue();
  }

  /** drachtio offers us no more calls once we drain; first the INVITEs come that media servers were told to send us. */
  #withdrawIfDue(): void {
    if (this.#draining && this.#expected.size === 0) this.#sip.withdraw();
  }

  async stop(): Promise<void> {
    this.#adopted.stop();
    this.#phones.stop();
    for (const server of this.#servers) server.stop();
    await Promise.all([this.#sip.stop(), ...this.#recordLinks.map((link) => link.stop())]);
  }

  status(): TelephonyStatus {
    const mediaServers = this.#servers.map(({ name, ready, legs }) => ({ name, ready, legs }));
    return { ready: this.#sip.answers && !this.#draining && mediaServers.some(({ ready }) => ready), mediaServers };
  }

  sipAddress(): { address: string; port: number } | undefined {
    return this.#sip.sipAddress;
  }

  parts(): Record<string, PartHealth> {
    const servers = this.#servers.map((server) => [`freeswitch ${server.name}`, server.health]);
    return { drachtio: this.#sip.health, ...Object.fromEntries(servers) };
  }

  dial(request: DialRequest): DialAttempt {
    const { clock, logger } = this.#options;
    const { peer, legId } = request;
    const server = peer instanceof SwitchLeg ? peer.server : this.#chooseServer([]);
    const dialable = request.phones ? request.phones.length > 0 : this.#trunk !== undefined;
    // A call in progress goes on to its end: whoever waits in it is still rung for.
    const isRefused = this.#draining && !peer;
    if (isRefused || !server?.ready || !dialable) {
      const cause = isRefused ? 'draining' : dialable ? 'failed' : 'unreachable';
      const snapshot = () => ({ legId, kind: request.kind, adapter: {} });
      return { legId, outcome: Promise.resolve({ ok: false, cause }), cancel: () => undefined, snapshot };
    }
    const call = new OutgoingCall({
      request,
      server,
      clock,
      logger,
      reader: this.#reader,
      sip: this.#sip,
      trunk: this.#trunk,
      acceptDeadlineMs: this.#deadlines.answerMs,
      byeDeadlineMs: this.#deadlines.byeMs,
      ...this.#keeping,
      onDecided: () => this.#forgetExpected(legId),
    });
    this.#expected.set(legId, call);
    if (this.#draining) this.#sip.offerInvites();
    call.start();
    return call;
  }

  async hasChannel(legId: string): Promise<boolean | undefined> {
    const answers = await Promise.all(this.#servers.map((server) => server.exists(legId)));
    if (answers.includes(true)) return true;
    return answers.includes(undefined) ? undefined : false;
  }

  async adopt(snapshot: LegSnapshot, onEvent: (event: LegEvent) => void): Promise<Leg | undefined> {
    const { clock } = this.#options;
    const leg = await this.#adopted.adopt(snapshot, onEvent, {
      servers: this.#servers,
      sip: this.#sip,
      clock,
      byeDeadlineMs: this.#deadlines.byeMs,
      reader: this.#reader,
      drop: this.#keeping.drop,
    });
    if (leg) this.#keeping.keep(leg);
    return leg;
  }

  readonly #keeping = {
    keep: (leg: SwitchLeg) => {
      this.#legs.set(leg.legId, leg);
      if (leg.kind === 'agent' || leg.kind === 'listener') this.#phones.watch(leg);
    },
    drop: (leg: SwitchLeg) => {
      this.#legs.delete(leg.legId);
      this.#adopted.forget(leg);
      this.#phones.forget(leg);
    },
  };

  #newServer(address: MediaServerAddress): MediaServer {
    const { clock, logger } = this.#options;
    return new MediaServer({
      address,
      srf: this.#sip.srf,
      clock,
      logger: logger.child({ mediaServer: address.name }),
      connectDeadlineMs: this.#deadlines.connectMs,
      commandDeadlineMs: this.#deadlines.commandMs,
      linkGraceMs: this.#deadlines.linkGraceMs,
      onReady: () => this.#onFirstReady?.(),
      onChannelLost: (uuid) => this.#legs.get(uuid)?.lost('media-lost'),
    });
  }

  /** The ready server with the least to do, of those not tried yet; one that failed lately only where no other is. */
  #chooseServer(tried: readonly MediaServer[]): MediaServer | undefined {
    const able = this.#servers.filter((server) => server.ready && !tried.includes(server));
    return able.sort((a, b) => Number(a.sick) - Number(b.sick) || a.load - b.load)[0];
  }

  #onInvite(req: SrfRequest, res: SrfResponse): void {
    if (this.#isMediaServer(req)) {
      this.#onMediaInvite(req, res);
      return;
    }
    const unsupported = unsupportedExtensions(req);
    if (unsupported.length > 0) {
      this.#noteRefused(req, 420, 'bad-extension');
      res.send(420, { headers: { Unsupported: unsupported.join(', ') } });
      return;
    }
    // One that comes while we drain was on its way, or came while we wait for a media server's: nobody else will have it.
    if (!this.#handlers) {
      this.#noteRefused(req, 503, 'not-ready');
      res.send(503, { headers: { 'Retry-After': '2' } });
      return;
    }
    const { clock, logger } = this.#options;
    const { answerMs, byeMs, sickMs } = this.#deadlines;
    const options: IncomingCallOptions = {
      ...{ req, res, sip: this.#sip, clock, logger },
      ...{ answerDeadlineMs: answerMs, byeDeadlineMs: byeMs, sickMs },
      ...this.#keeping,
      reader: this.#reader,
      trusts: this.#trusts,
      namesItInTo: this.#namesItInTo,
      chooseServer: (tried) => this.#chooseServer(tried),
      expect: (legId, invite) => {
        this.#expected.set(legId, invite);
        return () => this.#forgetExpected(legId);
      },
    };
    this.#handlers.onIncoming(new NetworkCall(options));
  }

  /** RFC 3261, 11.2: what an INVITE to the same address would get. */
  #onOptions(req: SrfRequest, res: SrfResponse): void {
    const refuse = (status: number) => res.send(status, status === 503 ? { headers: { 'Retry-After': '2' } } : {});
    if (!this.#handlers || !this.status().ready) {
      refuse(503);
      return;
    }
    // Without a user it is we who are asked, not a number: all that can be said is whether we take calls.
    this.#handlers.outlook(userOf(req.uri)).then(
      (status) => (status === 200 ? res.send(200, { headers: this.#sip.abilities.optionsHeaders }) : refuse(status)),
      () => refuse(503),
    );
  }

  #noteRefused(req: SrfRequest, status: number, reason: string): void {
    this.#options.onRefused?.({ method: 'INVITE', status, reason, sourceAddress: req.source_address });
  }

  #onRegister(registrar: Registrar, req: SrfRequest, res: SrfResponse): void {
    registrar.answer(req, res).catch((error: unknown) => {
      this.#options.logger.error({ err: errorMessage(error) }, 'a REGISTER could not be answered');
    });
  }

  /** An INVITE from a media server is never a call for us: it belongs to a dial that waits for it, or to nobody. */
  #onMediaInvite(req: SrfRequest, res: SrfResponse): void {
    const legId = req.get(legHeader) ?? '';
    const expected = this.#expected.get(legId);
    if (expected?.server.sipAddress !== sourceOf(req)) {
      res.send(403);
      return;
    }
    this.#forgetExpected(legId);
    expected.onMediaInvite(req, res);
  }

  #isMediaServer(req: SrfRequest): boolean {
    const source = sourceOf(req);
    return this.#servers.some((server) => server.sipAddress === source);
  }
}

/** Extensions that the caller insists on and we do not have (RFC 3261, 8.2.2.3). */
function unsupportedExtensions(req: SrfRequest): string[] {
  const required = (req.get('Require') ?? '').split(',').map((tag) => tag.trim());
  return required.filter((tag) => tag !== '' && !supportedExtensions.has(tag.toLowerCase()));
}

function sourceOf(req: SrfRequest): string {
  return `${req.source_address}:${req.source_port}`;
}
