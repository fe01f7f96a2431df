import { profileUrl } from './inbound-leg.ts';
import type { SwitchCore } from './switch-core.ts';

const RULE = `${'='.repeat(97)}\n`;

/** `sofia status` and `sofia status profile <name>`. */
export function sofiaCommand(core: SwitchCore, args: string): string {
  const [first, second, third] = args.split(/\s+/);
  if (first === 'status' && second === undefined) return statusTable(core);
  if (first === 'status' && second === 'profile') {
    return third === core.settings.profileName ? profileTable(core) : 'Invalid Profile!\n';
  }
  if (args === '') return 'USAGE:\nsofia status [profile <name>]\n';
  return `Unknown Command [${first}]\n`;
}

function statusTable(core: SwitchCore): string {
  const { profileName } = core.settings;
  const row = [profileName.padStart(25), 'profile', profileUrl(core).padStart(42)].join('\t');
  return [
    `${'Name'.padStart(25)}\t   Type\t${'Data'.padStart(42)}\tState\n`,
    RULE,
    `${row}\tRUNNING (${core.legs.size})\n`,
    RULE,
    '1 profile 0 aliases\n',
  ].join('');
}

function profileTable(core: SwitchCore): string {
  const { settings, counters } = core;
  const url = profileUrl(core);
  const address = url.slice(url.indexOf('@') + 1).replace(/:\d+$/, '');
  const fields: [string, string | number][] = [
    ['Name', settings.profileName],
    ['Domain Name', 'N/A'],
    ['Auto-NAT', 'false'],
    ['DBName', `sofia_reg_${settings.profileName}`],
    ['Pres Hosts', ''],
    ['Dialplan', 'XML'],
    ['Context', settings.profileName],
    ['Challenge Realm', 'auto_to'],
    ['RTP-IP', settings.publicAddress ?? address],
    ['SIP-IP', address],
    ['URL', url],
    ['BIND-URL', `${url};transport=udp,tcp`],
    ['HOLD-MUSIC', 'N/A'],
    ['OUTBOUND-PROXY', 'N/A'],
    ['CODECS IN', 'PCMU,PCMA'],
    ['CODECS OUT', 'PCMU,PCMA'],
    ['TEL-EVENT', 101],
    ['DTMF-MODE', 'rfc2833'],
    ['CNG', 0],
    ['SESSION-TO', 0],
    ['MAX-DIALOG', 0],
    ['MAX-RECV-RPS', 1000],
    ['NOMEDIA', 'false'],
    ['LATE-NEG', 'false'],
    ['PROXY-MEDIA', 'false'],
    ['AGGRESSIVENAT', 'false'],
    ['CALLS-IN', counters.callsIn],
    ['FAILED-CALLS-IN', counters.failedCallsIn],
    ['CALLS-OUT', counters.callsOut],
    ['FAILED-CALLS-OUT', counters.failedCallsOut],
    ['REGISTRATIONS', 0],
  ];
  return `${RULE}${fields.map(([name, value]) => `${name.padEnd(17)}\t${value}\n`).join('')}\n`;
}
