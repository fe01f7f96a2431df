import type { Deliverer } from './delivery.ts';
import type { OutboxEntry } from './entry.ts';
import { type HttpContext, postJson } from './http-post.ts';

/** Slack cuts a message off after 40,000 characters; ours keeps its end, the id. */
const maxTextCharacters = 35_000;

/** Slack's incoming webhooks. The URL is the secret; a repeat can be seen by the id in the last line. */
export function createSlackDeliverer(context: HttpContext): Deliverer {
  return {
    deliver: (entry, signal) => postJson(context, { url: entry.target, body: slackBody(entry), signal }),
  };
}

/** The message: plain text, nothing in it understood as a link, a mention or markup. */
export function slackBody({ outboxId, payload }: OutboxEntry): string {
  const { subject, text } = payload;
  const words = `${subject}\n\n${text}`.trimEnd();
  const cut = words.length > maxTextCharacters ? `${words.slice(0, maxTextCharacters).toWellFormed()}…` : words;
  // `<!channel>`, `<@user>` and links are written with these three; Slack asks for just these to be escaped.
  const escaped = cut.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  return JSON.stringify({
    text: `${escaped}\n\n[${outboxId}]`,
    mrkdwn: false,
    unfurl_links: false,
    unfurl_media: false,
  });
}
