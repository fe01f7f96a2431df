import type { BridgeLink, Core, Leg } from './core.ts';
import { parkJob } from './jobs.ts';
import type { Job, Session } from './session.ts';
import { nowMicros } from './time.ts';

type Side = 'originator' | 'originatee';

/**
 * Two channels that hear each other (`uuid_bridge`). Both stop what they do, then meet here; the first is the one whose
 * events tell of the bridge. When one leaves, the other is parked again where `park_after_bridge` says so, or hung up.
 */
export class Bridge implements BridgeLink {
  readonly #core: Core;
  readonly #originator: Leg;
  readonly #originatee: Leg;
  readonly #arrived = new Map<Side, () => void>();
  #begun = false;
  #over = false;

  constructor(core: Core, originator: Leg, originatee: Leg) {
    this.#core = core;
    this.#originator = originator;
    this.#originatee = originatee;
  }

  /** Stops what both do, and connects them. */
  begin(): void {
    const [a, b] = [this.#originator, this.#originatee];
    for (const leg of [a, b]) leg.bridge?.leave(leg);
    a.channel.other = { role: 'originatee', channel: b.channel };
    b.channel.other = { role: 'originator', channel: a.channel };
    a.bridge = this;
    b.bridge = this;
    a.session.interrupt(this.#job('originator'));
    b.session.interrupt(this.#job('originatee'));
  }

  /** A leg goes away, by hang-up or to do something else: the other is told. */
  leave(leg: Leg): void {
    if (this.#over) return;
    this.#over = true;
    const other = this.otherOf(leg);
    leg.bridge = undefined;
    other.bridge = undefined;
    if (this.#begun) this.#disconnect();
    if (!other.session.hungUp) {
      if (other.channel.isTrue('park_after_bridge')) other.session.interrupt(parkJob);
      else this.#core.hangup(other, 'NORMAL_CLEARING');
    }
    for (const side of [...this.#arrived.values()]) side();
  }

  otherOf(leg: Leg): Leg {
    return leg === this.#originator ? this.#originatee : this.#originator;
  }

  #job(side: Side): Job {
    return {
      run: async (session: Session) => {
        await session.hold('uuid_bridge', (settle) => {
          this.#arrived.set(side, settle);
          if (this.#over) settle();
          else this.#connect();
          return (why) => {
            if (why === 'break') return false;
            this.leave(side === 'originator' ? this.#originator : this.#originatee);
            settle();
            return true;
          };
        });
        if (side === 'originator' && this.#begun) this.#tellUnbridged();
        return undefined;
      },
    };
  }

  /** Both are here: they hear each other from now on. */
  #connect(): void {
    if (this.#arrived.size < 2) return;
    this.#begun = true;
    const [a, b] = [this.#originator.channel, this.#originatee.channel];
    a.state = 'CS_SOFT_EXECUTE';
    b.state = 'CS_EXCHANGE_MEDIA';
    for (const [channel, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      channel.set('current_application_response', undefined);
      channel.setAll({
        current_application_data: peer.uuid,
        current_application: 'uuid_bridge',
        bridge_to: peer.uuid,
        last_bridge_to: peer.uuid,
        bridge_channel: peer.name,
        bridge_uuid: peer.uuid,
        signal_bond: peer.uuid,
      });
      channel.times.bridged = nowMicros();
      channel.fire('CHANNEL_EXECUTE', [
        ['Application', 'uuid_bridge'],
        ['Application-Data', peer.uuid],
      ]);
    }
    b.set('last_bridge_role', 'originatee');
    a.set('last_bridge_role', 'originator');
    b.callUuid = a.uuid;
    a.callUuid = a.uuid;
    this.#core.media.bridge(a.uuid, b.uuid);
    a.fire('CHANNEL_BRIDGE', this.#names());
  }

  #disconnect(): void {
    const [a, b] = [this.#originator.channel, this.#originatee.channel];
    this.#core.media.unbridge(a.uuid);
    for (const channel of [a, b]) {
      channel.set('bridge_to', undefined);
      channel.set('signal_bond', undefined);
      if (channel.hangupCause === undefined) channel.state = 'CS_EXECUTE';
    }
  }

  #tellUnbridged(): void {
    const [a, b] = [this.#originator.channel, this.#originatee.channel];
    const cause = b.hangupCause ?? a.hangupCause ?? 'NORMAL_CLEARING';
    a.setAll({ last_bridge_hangup_cause: cause, bridge_hangup_cause: cause });
    a.fire('CHANNEL_UNBRIDGE', this.#names());
    b.callUuid = b.uuid;
  }

  #names(): [string, string][] {
    return [
      ['Bridge-A-Unique-ID', this.#originator.channel.uuid],
      ['Bridge-B-Unique-ID', this.#originatee.channel.uuid],
    ];
  }
}
