import { describe, expect, it } from 'vitest';
import { filesBelow, read } from './files.ts';
import { readXml, type XmlElement } from './xml.ts';

const files = filesBelow('freeswitch-conf').filter((path) => path.endsWith('.xml'));
const elementsOf = (path: string): XmlElement[] => readXml(read(`freeswitch-conf/${path}`));
const params = (path: string): Record<string, string> =>
  Object.fromEntries(
    elementsOf(path)
      .filter(({ name }) => name === 'param')
      .map(({ attributes }) => [attributes['name'], attributes['value']]),
  );
const steps = elementsOf('environment.xml').filter(({ name }) => name === 'X-PRE-PROCESS');
const assigned = (command: string): Map<string, string> =>
  new Map(
    steps
      .filter(({ attributes }) => attributes['cmd'] === command)
      .map(({ attributes }) => {
        const [key = '', ...value] = (attributes['data'] ?? '').split('=');
        return [key, value.join('=')];
      }),
  );

describe('the well-formedness check itself', () => {
  it.each([
    ['<a><b></a>', 'closes nothing'],
    ['<a x=1/>', 'malformed tag'],
    ['<a><b/>', 'never closed'],
    ['<a/><b/>', 'second root'],
    ['<a><!-- x -- y --></a>', 'inside a comment'],
  ])('refuses %s', (text, reason) => {
    expect(() => readXml(text)).toThrow(reason);
  });
});

describe('freeswitch-conf', () => {
  it.each(files)('%s is well-formed XML', (path) => {
    expect(readXml(read(path)).length).toBeGreaterThan(0);
  });

  it.each(files)('%s: every directive stands on a line of its own, outside comments', (path) => {
    // FreeSWITCH's preprocessor works line by line and sees directives in comments too.
    for (const line of read(path).split('\n')) {
      if (/x-pre-process/i.test(line)) expect(line).toMatch(/^\s*<X-PRE-PROCESS cmd="[\w-]+" data="[^"]*"\/>$/);
    }
  });

  it('uses only variables that are set before', () => {
    const known = new Set(['db_dir']); // FreeSWITCH's own
    for (const { attributes } of steps) {
      for (const [, used = ''] of (attributes['data'] ?? '').matchAll(/\$\$\{(\w+)\}/g)) expect(known).toContain(used);
      known.add((attributes['data'] ?? '').split('=')[0] ?? '');
    }
    known.add('esl_refusal_');
    for (const path of files) {
      for (const [, used = ''] of read(path).matchAll(/\$\$\{(\w+)\}/g)) expect(known, path).toContain(used);
    }
  });

  it('gives every setting a default, listens on loopback by default, and has no default password', () => {
    const defaults = assigned('set');
    for (const [name] of assigned('env-set')) expect(defaults.has(name), name).toBe(true);
    for (const name of ['sip_address', 'rtp_address', 'esl_address']) expect(defaults.get(name)).toBe('127.0.0.1');
    for (const name of ['sip_allow', 'esl_allow']) expect(defaults.get(name)).toBe('127.0.0.0/8');
    expect(defaults.get('esl_password')).toBe('');
    expect(params('configuration/event_socket.xml')['password']).toBe('$${esl_password}');
    for (const path of files) expect(read(path)).not.toMatch(/cluecon|cymru/i);
  });

  it('without a password asks for a module that does not exist, and cannot start without it', () => {
    const lines = read('freeswitch-conf/environment.xml').split('\n');
    const at = (text: string) => lines.findIndex((line) => line.includes(text));
    expect(at('env-set" data="esl_password=')).toBeLessThan(at('esl_refusal_$${esl_password}='));
    expect(at('esl_refusal_$${esl_password}=')).toBeLessThan(at('esl_module=mod_event_socket$${esl_refusal_}'));
    const modules = elementsOf('configuration/modules.xml').filter(({ name }) => name === 'load');
    const eventSocket = modules.find(({ attributes }) => attributes['module'] === '$${esl_module}');
    expect(eventSocket?.attributes['critical']).toBe('true');
  });

  it('loads these modules and no others', () => {
    const modules = elementsOf('configuration/modules.xml').filter(({ name }) => name === 'load');
    expect(modules.map(({ attributes }) => attributes['module']).sort()).toEqual([
      '$${esl_module}',
      'mod_commands',
      'mod_console',
      'mod_dialplan_xml',
      'mod_dptools',
      'mod_logfile',
      'mod_sndfile',
      'mod_sofia',
      'mod_tone_stream',
    ]);
  });

  it('has the profile that drachtio-fsmrf and parked channels need', () => {
    const profiles = elementsOf('configuration/sofia.xml').filter(({ name }) => name === 'profile');
    expect(profiles.map(({ attributes }) => attributes['name'])).toEqual(['drachtio_mrf']);
    expect(params('configuration/sofia.xml')).toMatchObject({
      context: 'drachtio_mrf',
      'inbound-use-callid-as-uuid': 'true',
      'apply-inbound-acl': 'drachtio',
      'auth-calls': 'false',
      'disable-register': 'true',
      'inbound-codec-prefs': 'PCMU,PCMA',
      'outbound-codec-prefs': 'PCMU,PCMA',
      'inbound-late-negotiation': 'false',
      'aggressive-nat-detection': 'false',
      'dtmf-type': 'rfc2833',
      'liberal-dtmf': 'true',
    });
    expect(Object.values(params('configuration/sofia.xml')).join(' ')).not.toMatch(/stun|auto/i);
  });

  it('lets only listed networks in, by both doors', () => {
    const lists = elementsOf('configuration/event_socket.xml').filter(({ name }) => name === 'list');
    expect(lists.every(({ attributes }) => attributes['default'] === 'deny')).toBe(true);
    expect(lists.map(({ attributes }) => attributes['name'])).toEqual(['controllers', 'drachtio', 'nobody']);
    expect(params('configuration/event_socket.xml')['apply-inbound-acl']).toBe('controllers');
  });

  it('answers and parks every call, and gives every leg what it needs', () => {
    const actions = elementsOf('dialplan.xml').filter(({ name }) => name === 'action');
    expect(actions.map(({ attributes }) => attributes['application'])).toEqual(['answer', 'park']);
    expect(Object.fromEntries(assigned('set'))).toMatchObject({
      park_after_bridge: 'true',
      hangup_after_bridge: 'false',
      playback_terminators: 'none',
      send_silence_when_idle: '-1',
      media_timeout: expect.stringMatching(/^\d+$/),
      media_hold_timeout: expect.stringMatching(/^\d+$/),
    });
  });

  it('documents each of its environment variables', () => {
    const readme = read('freeswitch-conf/README.md');
    for (const [, variable] of assigned('env-set')) expect(readme).toContain(`\`${variable.slice(1)}\``);
  });
});
