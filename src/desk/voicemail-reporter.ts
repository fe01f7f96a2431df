import type { Account } from '../accounts/accounts.ts';
import type { AccountsStores, Transactions } from '../accounts/accounts-data.ts';
import { type AccountCard, targetOf } from '../accounts/cards.ts';
import { destinationsFor } from '../accounts/report-rules.ts';
import type { CallFact } from '../kernel/call-fact.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Rounds } from '../kernel/rounds.ts';
import { maxAttachmentBytes, type NewOutboxEntry } from '../outbox/entry.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import { reportLanguage } from './intake-words.ts';
import type { RecordingLinks } from './recording-links.ts';
import type { Voicemail, VoicemailReport, VoicemailStore } from './voicemail.ts';
import {
  defaultTimezone,
  recordingFileName,
  type VoicemailWords,
  voicemailCaller,
  voicemailFields,
  voicemailSubject,
  voicemailText,
} from './voicemail-text.ts';

export interface VoicemailStores extends AccountsStores {
  voicemails: VoicemailStore;
  outbox: Pick<OutboxStore, 'add'>;
}

/** What is in the file of a recording. */
interface Sound {
  bytes: number;
  durationMs: number;
  isSilent: boolean;
}

export interface VoicemailReporterOptions {
  data: VoicemailStores & Transactions<VoicemailStores>;
  facts: { factsOfCall(callId: string): Promise<CallFact[]> };
  /** Undefined: the file is not to be found. */
  soundOf(voicemail: Voicemail): Promise<Sound | undefined>;
  links: RecordingLinks;
  /** A report and its deliveries are in the database. */
  onReported(): void;
  clock: Clock;
  logger: Logger;
  everyMs?: number;
}

const defaultEveryMs = 1_000;
const batch = 20;
/** A switch may write the last of a file after it has said that the recording is over. */
const settleMs = 1_500;
/** What is shorter is no message where the flow could not decide. */
const shortestMs = 1_000;

/**
 * Tells accounts of the messages that callers left for them, once each: a message waits in the database from the moment
 * that its fact is there, and stops waiting in the transaction that puts its deliveries into the outbox. So it does not
 * matter who recorded it, who is killed when, or how many processes do this.
 */
export class VoicemailReporter {
  readonly #options: VoicemailReporterOptions;
  readonly #rounds: Rounds;

  constructor(options: VoicemailReporterOptions) {
    this.#options = options;
    const { clock, logger, everyMs = defaultEveryMs } = options;
    this.#rounds = new Rounds({
      ...{ clock, everyMs },
      work: () => this.look(),
      onFailed: (error) =>
        logger.warn({ err: errorMessage(error) }, 'messages that wait to be reported could not be read; tried again'),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Looks once. One that cannot be reported does not hold up the others. */
  async look(): Promise<void> {
    const { data, clock, logger } = this.#options;
    const waiting = await data.voicemails.unreported({ beforeMs: clock.nowMs() - settleMs, limit: batch });
    for (const voicemail of waiting) {
      await this.#see(voicemail).catch((error: unknown) => {
        const { callId } = voicemail;
        logger.error({ callId, err: errorMessage(error) }, 'a message could not be reported yet; tried again');
      });
    }
  }

  async #see(waiting: Voicemail): Promise<void> {
    const { data, facts, soundOf, logger, onReported } = this.#options;
    const { callId, accountId, recordingId } = waiting;
    const found = await soundOf(waiting);
    // A file without a sound in it is none.
    const sound = found && found.durationMs > 0 ? found : undefined;
    const callFacts = await facts.factsOfCall(callId);
    const incomplete = incompletenessOf(callFacts, recordingId);
    if (!waiting.isTaken && !incomplete && sound && (sound.isSilent || sound.durationMs < shortestMs)) {
      return data.voicemails.drop(recordingId);
    }
    if (!sound && !incomplete)
      logger.error({ callId }, 'the file of a message is not to be found: it is reported without');
    const voicemail = { ...waiting, durationMs: sound?.durationMs ?? waiting.durationMs };
    const caller = voicemailCaller(callFacts);
    const link = sound ? await this.#options.links.make(voicemail) : undefined;
    const sent = await data.inTransaction(async (stores) => {
      const account = await stores.accounts.findAccount(accountId);
      if (!account) return stores.voicemails.drop(recordingId).then(() => false);
      const card = await stores.cards.find(accountId);
      const words = wordsOf({ voicemail, account, card, caller, link, sound, incomplete });
      return this.#add(stores, words, card);
    });
    if (sent) onReported();
  }

  /** True: the report is made by this one. */
  async #add(stores: VoicemailStores, words: VoicemailWords, card: AccountCard | undefined): Promise<boolean> {
    const nowMs = this.#options.clock.nowMs();
    const { accountId, recordingId, callId, atMs } = words.voicemail;
    // For a rule it is a message; how urgent it is and for whom nobody has said.
    const asked = { outcome: 'message', urgency: undefined, forPerson: undefined, atMs } as const;
    const destinations = card ? destinationsFor(card, asked) : [];
    const said = { subject: voicemailSubject(words), text: voicemailText(words), fields: voicemailFields(words) };
    const report: VoicemailReport = {
      ...{ ...said, reportedAtMs: nowMs, callerNumber: words.caller.number ?? null },
      destinations: destinations.map(({ destinationId }) => destinationId),
    };
    if (!(await stores.voicemails.report(recordingId, report))) return false;
    const attachment = { accountId, callId, recordingId, fileName: recordingFileName(atMs, words.timezone) };
    for (const [index, destination] of destinations.entries()) {
      const entry: NewOutboxEntry = {
        outboxId: `${recordingId}.${index + 1}`,
        ...{ accountId, kind: 'voicemail', channel: destination.type, createdAtMs: nowMs },
        target: targetOf(destination).target,
        payload: {
          ...{ ...said, fields: JSON.parse(JSON.stringify(said.fields)) },
          ...(words.isAttached && destination.type === 'mail' ? { attachment } : {}),
        },
      };
      await stores.outbox.add(entry);
    }
    return true;
  }
}

/** What its fact says is missing of a recording. */
function incompletenessOf(facts: readonly CallFact[], recordingId: string): VoicemailWords['incomplete'] {
  for (const fact of facts) {
    if (fact.type === 'recorded' && fact.recordingId === recordingId) return fact.incomplete;
  }
  return undefined;
}

function wordsOf(of: {
  voicemail: Voicemail;
  account: Account;
  card: AccountCard | undefined;
  caller: VoicemailWords['caller'];
  link: VoicemailWords['link'];
  sound: Sound | undefined;
  incomplete: VoicemailWords['incomplete'];
}): VoicemailWords {
  const { voicemail, account, card, caller, link, sound, incomplete } = of;
  return {
    ...{ voicemail, caller, link, incomplete, accountName: account.name },
    language: reportLanguage(account.language),
    timezone: card?.answers.hours?.timezone ?? defaultTimezone,
    isAttached: sound !== undefined && sound.bytes <= maxAttachmentBytes,
  };
}
