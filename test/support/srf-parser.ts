import { createRequire } from 'node:module';

/** A message as drachtio-srf reads it. */
export interface SrfParsed {
  method?: string;
  uri?: string;
  status?: number;
  body?: string;
  headers: Record<string, string>;
  get(name: string): string | undefined;
  has(name: string): boolean;
  getParsedHeader(name: string): unknown;
}

/** drachtio-srf's own parser, which its package exports to nobody: what it makes of a text is what an application gets. */
export const SrfMessage: new (text: string) => SrfParsed = createRequire(import.meta.url)(
  'drachtio-srf/lib/sip-parser/message.js',
);
