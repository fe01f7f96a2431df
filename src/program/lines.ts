import { startPhoneRevocation } from '../desk/phone-revocation.ts';
import { addressList } from '../kernel/address-list.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { causeOfRefusal } from '../kernel/refusal-fold.ts';
import { RefusalLog } from '../ledger/refusal-log.ts';
import { createTelephony } from '../telephony/create-telephony.ts';
import type { RefusedRequest } from '../telephony/message-guard.ts';
import type { ProgramContext } from './context.ts';
import type { Data } from './data.ts';
import { keepChannelRecords } from './records.ts';
import { phoneRegistrations } from './redis.ts';
import { openSwitch } from './switch.ts';

/** The switch, and the telephony on it with agents' phones. `sipAddress`: where to dial, once it is known. */
export async function openLines(context: ProgramContext, { stores, redis, ledger, reserve }: Data) {
  const { config, logger, shutdown, board } = context;
  const trusts = addressList(config.trustedPeers);
  const refusals = new RefusalLog({ ledger, clock, logger, trusts, isDiskFull: () => reserve.isFull });
  shutdown.add('refusals', () => refusals.stop());
  const pair = await openSwitch(context, refusals);
  const onRefused = ({ method, status, reason, sourceAddress }: RefusedRequest) =>
    refusals.note({ method, sipStatus: status, cause: causeOfRefusal(status, reason), address: sourceAddress });
  const onChannelRecord = keepChannelRecords(stores, logger, shutdown);
  const phones = phoneRegistrations(redis, stores.known.phones, logger);
  const { registry } = phones;
  const revocation = await startPhoneRevocation({ data: stores.data, registry, clock, logger, shutdown });
  const telephony = createTelephony({ ...config, ...pair, phones, onChannelRecord, onRefused, clock, logger });
  shutdown.add('telephony', () => telephony.stop());
  for (const name of Object.keys(telephony.parts())) {
    board.add(name, () => telephony.parts()[name] ?? { state: 'away' }, { isNeeded: name === 'drachtio' });
  }
  const sipAddress = () =>
    'sipPort' in pair ? { address: config.publicAddress, port: pair.sipPort } : telephony.sipAddress();
  return { phones, revocation, telephony, sipAddress, refusals };
}

export type Lines = Awaited<ReturnType<typeof openLines>>;
