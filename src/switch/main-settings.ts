import { isIPv4 } from 'node:net';
import type { SwitchSettings } from './spawn.ts';

/** Why the switch cannot start, in words for the person who started it. */
export class SettingsError extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.name = 'SettingsError';
    this.remedy = remedy;
  }
}

const REMEDY = 'Pass the settings as one JSON object: first argument, or DENWABAN_SWITCH_CONFIG';

/**
 * Reads the settings of the switch process.
 * @throws SettingsError that names what is wrong.
 */
export function parseSettings(text: string | undefined): SwitchSettings {
  if (text === undefined || text.trim() === '') throw new SettingsError('no settings given', REMEDY);
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    // The text holds secrets: not in the message.
    throw new SettingsError(`settings are not JSON (${error instanceof Error ? error.name : 'error'})`, REMEDY);
  }
  if (typeof given !== 'object' || given === null) throw new SettingsError('settings are no JSON object', REMEDY);
  const fields: Record<string, unknown> = { ...given };
  const bindAddress = address(fields, 'bindAddress');
  const settings: SwitchSettings = {
    bindAddress,
    publicAddress: fields['publicAddress'] === undefined ? bindAddress : address(fields, 'publicAddress'),
    sipPort: number(fields, 'sipPort', 0, 65_535),
    controlPort: number(fields, 'controlPort', 0, 65_535),
    controlSecret: secret(fields, 'controlSecret'),
    eventSocketPort: number(fields, 'eventSocketPort', 0, 65_535),
    eventSocketPassword: secret(fields, 'eventSocketPassword'),
    mrfSipPort: number(fields, 'mrfSipPort', 0, 65_535),
    rtpPortMin: number(fields, 'rtpPortMin', 1024, 65_534),
    rtpPortMax: number(fields, 'rtpPortMax', 1025, 65_535),
    maxCalls: number(fields, 'maxCalls', 1, 100_000),
    maxCallsPerSecond: number(fields, 'maxCallsPerSecond', 1, 100_000),
    trustedPeers: peers(fields, 'trustedPeers'),
    mediaTimeoutMs: number(fields, 'mediaTimeoutMs', 0, 86_400_000),
  };
  if (settings.rtpPortMax <= settings.rtpPortMin) {
    throw new SettingsError('rtpPortMax must be above rtpPortMin', 'Give a wider range of ports for audio');
  }
  return settings;
}

function number(fields: Record<string, unknown>, name: string, least: number, most: number): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new SettingsError(`${name} is not a whole number from ${least} to ${most}`, `Correct ${name}`);
}

function address(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && isIPv4(value)) return value;
  throw new SettingsError(`${name} is not an IPv4 address`, `Correct ${name}`);
}

function peers(fields: Record<string, unknown>, name: string): string[] {
  const value = fields[name] ?? [];
  const isPeer = (one: unknown) => typeof one === 'string' && /^[\d.]+(\/\d{1,2})?$/.test(one);
  if (Array.isArray(value) && value.every(isPeer)) return value.map(String);
  throw new SettingsError(`${name} is no list of IPv4 addresses and networks`, `Correct ${name}`);
}

function secret(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '' && !/[|\s]/.test(value)) return value;
  throw new SettingsError(`${name} is missing, or has spaces or | in it`, `Correct ${name}`);
}
