import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Deliverers } from './delivery.ts';
import { createMailDeliverer, type MailSettings, type ReadAttachment } from './mail-deliverer.ts';
import { createSlackDeliverer } from './slack-deliverer.ts';
import { createTargetGuard } from './target-guard.ts';
import { createWebhookDeliverer } from './webhook-deliverer.ts';
import type { WebhookSecretStore } from './webhook-secrets.ts';

export interface DelivererOptions {
  /** Undefined: no mail server is set up, and mail waits. */
  mail: MailSettings | undefined;
  /** Private addresses, and plain HTTP to loopback, are allowed as targets. */
  allowInsecureTargets: boolean;
  secrets: WebhookSecretStore;
  clock: Clock;
  logger: Logger;
  /** Reads a recording that goes along with a mail; undefined: it is not to be found. */
  readAttachment?: ReadAttachment;
  /** Authorities trusted for HTTPS besides the system's, PEM. */
  ca?: string;
}

/** All ways out of the house. */
export function createDeliverers(options: DelivererOptions): Deliverers {
  const { mail, secrets, clock, ca, allowInsecureTargets } = options;
  if (allowInsecureTargets)
    options.logger.warn({}, 'webhooks may go to private addresses: insecure targets are allowed');
  const http = { guard: createTargetGuard({ allowInsecureTargets }), clock, ca };
  return {
    mail: mail && createMailDeliverer(mail, options.readAttachment),
    slack: createSlackDeliverer(http),
    webhook: createWebhookDeliverer({ ...http, secrets }),
  };
}
