import { createTransport } from 'nodemailer';
import { errorMessage } from '../kernel/errors.ts';
import { withoutControls } from '../kernel/printable.ts';
import { type Deliverer, type DeliveryOutcome, isTlsCode } from './delivery.ts';
import { maxAttachmentBytes, type OutboxAttachment, type OutboxEntry } from './entry.ts';
import { mailAddressFault } from './target-guard.ts';

/** The mail server that takes all mail, and how to speak to it. */
export interface MailSettings {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (port 465); otherwise STARTTLS. */
  readonly secure: boolean;
  /** Without `secure`: send nothing unless STARTTLS worked. */
  readonly requireTls: boolean;
  readonly login: { readonly user: string; readonly password: string } | undefined;
  /** `desk@example.com`, or with a name: `電話番 <desk@example.com>`. */
  readonly from: string;
  /** Authorities trusted besides the system's, PEM. */
  readonly ca?: string | undefined;
}

/** Reads what a mail carries along; undefined: it is not to be found. */
export type ReadAttachment = (attachment: OutboxAttachment) => Promise<Buffer | undefined>;

const connectTimeoutMs = 10_000;
const silenceTimeoutMs = 20_000;

/** Mail by SMTP: a connection for each, since there are few and a kept one hides faults. */
export function createMailDeliverer(settings: MailSettings, readAttachment?: ReadAttachment): Deliverer {
  const { host, port, secure, requireTls, login, ca } = settings;
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: requireTls,
    ...(login ? { auth: { user: login.user, pass: login.password } } : {}),
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    dnsTimeout: connectTimeoutMs,
    socketTimeout: silenceTimeoutMs,
    socketCloseTimeout: 1_000,
  });
  return {
    deliver: async (entry, signal) => {
      const fault = mailAddressFault(entry.target);
      if (fault !== undefined) return { result: 'refused', reason: 'forbidden-target', detail: `the target ${fault}` };
      const send = async (attachments: object[]): Promise<DeliveryOutcome> => {
        try {
          const sent = await transport.sendMail({ ...mailOf(entry, settings.from), attachments, signal });
          return { result: 'delivered', statusCode: replyCode(sent.response) };
        } catch (error) {
          return failureOf(error);
        }
      };
      const attachments = await attachmentsOf(entry, readAttachment);
      const outcome = await send(attachments);
      // Too large for this server, or of a kind that it does not take: the words say where to hear it.
      return outcome.result === 'refused' && attachments.length > 0 ? send([]) : outcome;
    },
  };
}

/** What the mail carries along, as far as it is there and of a size that mail servers take. */
async function attachmentsOf({ payload }: OutboxEntry, read: ReadAttachment | undefined): Promise<object[]> {
  const { attachment } = payload;
  const content = attachment && (await read?.(attachment));
  if (!content || content.length > maxAttachmentBytes) return [];
  return [{ filename: attachment.fileName, contentType: 'audio/wav', content }];
}

/** The message. Message-ID and Date are the same at each attempt, so that a repeat can be seen. */
function mailOf({ outboxId, target, payload, createdAtMs }: OutboxEntry, from: string) {
  const sender = /<([^<>]+)>\s*$/.exec(from)?.[1] ?? from;
  const { subject, text, html } = payload;
  return {
    from,
    // One address, whatever is in it; a list would be several receivers.
    to: { name: '', address: target },
    envelope: { from: sender, to: [target] },
    subject: withoutControls(subject.replace(/\s+/g, ' ')),
    text: withoutControls(text),
    ...(html === undefined ? {} : { html }),
    messageId: `<${outboxId}@${sender.split('@')[1] ?? 'denwaban'}>`,
    date: new Date(createdAtMs),
    // RFC 3834: no out-of-office answers to this.
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

const replyCode = (reply: string): number => Number(/^\d{3}/.exec(reply)?.[0] ?? 250);

interface MailError extends Error {
  /** nodemailer's: EENVELOPE, EMESSAGE, EAUTH … */
  code?: string;
  /** At which the server said no. */
  command?: string;
  /** Node's, where nodemailer put its own in `code`. */
  originalCode?: string;
  responseCode?: number;
  permanent?: boolean;
}

function failureOf(thrown: unknown): DeliveryOutcome {
  const error: MailError = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { code = '', originalCode = '', command = '', responseCode } = error;
  const reply = responseCode === undefined ? {} : { statusCode: responseCode };
  const failure = { detail: `${command} ${code} ${errorMessage(error)}`, ...reply };
  if (isRefusal(error)) return { result: 'refused', reason: 'smtp-reply', ...failure };
  if (responseCode !== undefined) {
    return { result: 'failed', reason: code === 'EAUTH' ? 'smtp-login' : 'smtp-reply', ...failure };
  }
  if (code === 'ETIMEDOUT') return { result: 'failed', reason: 'timeout', ...failure };
  if (code === 'ETLS' || isTlsCode(originalCode)) return { result: 'failed', reason: 'tls', ...failure };
  if (['ESOCKET', 'ECONNECTION', 'EDNS'].includes(code)) return { result: 'failed', reason: 'unreachable', ...failure };
  return { result: 'failed', reason: 'smtp', ...failure };
}

/**
 * Only what is said of this receiver or this message is for good (RFC 5321, 4.2.1: 5yz). A refused log-in, greeting or
 * sender is a setting of ours that someone puts right, and must not end every report on the way.
 */
function isRefusal({ code, command, responseCode, permanent = false }: MailError): boolean {
  if (command === 'RCPT TO' || command === 'DATA') return permanent;
  if (command === 'MAIL FROM') return responseCode === 552 || (code === 'EMESSAGE' && responseCode === undefined);
  return code === 'EENVELOPE' && command === 'API';
}
