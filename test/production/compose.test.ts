import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { composeEnvironment } from '../support/containers.ts';
import { composeVariables, read } from './files.ts';

const text = read('docker-compose.yml');
const example = read('.env.example');
const documented = new Set([...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name));

const service = z.looseObject({
  image: z.string(),
  restart: z.string(),
  build: z.string().optional(),
  network_mode: z.string().optional(),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  logging: z.object({ driver: z.string(), options: z.record(z.string(), z.string()) }),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
});
const compose = z
  .object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.unknown()) })
  .loose()
  .parse(parse(text, { merge: true }));
const services = Object.entries(compose.services);
const lasting = services.filter(([, { restart }]) => restart !== 'no');

describe('docker-compose.yml', () => {
  it('has the five parts', () => {
    expect(lasting.map(([name]) => name).sort()).toEqual(['denwaban', 'drachtio', 'freeswitch', 'postgres', 'redis']);
  });

  it.each(services)('%s: its image is pinned', (name, { image, build }) => {
    if (build) expect(image).toMatch(/^denwaban:/);
    else expect(image, name).toMatch(/^[\w./-]+:v?\d[\w.-]*(@sha256:[0-9a-f]{64})?$/);
  });

  it.each(services)('%s: its log is rotated', (_, { logging }) => {
    expect(logging.options).toMatchObject({ 'max-size': expect.any(String), 'max-file': expect.any(String) });
  });

  it.each(lasting)('%s: restarts by itself and tells whether it is well', (name, { restart, healthcheck }) => {
    expect(restart).toBe('unless-stopped');
    if (name === 'denwaban') expect(read('Dockerfile')).toMatch(/^HEALTHCHECK .*[\s\S]*?\/health/m);
    else expect(healthcheck?.test.join(' ')).toMatch(/9022|status|ping|pg_isready/);
  });

  it.each(services)('%s: what only this machine uses is published on loopback', (_, { ports }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it.each(services)('%s: waits only for services that exist, and mounts volumes that exist', (_, part) => {
    for (const name of Object.keys(part.depends_on)) expect(Object.keys(compose.services)).toContain(name);
    for (const volume of part.volumes.map((entry) => entry.split(':')[0] ?? '')) {
      if (!volume.startsWith('.')) expect(Object.keys(compose.volumes)).toContain(volume);
    }
  });

  it('gives FreeSWITCH only settings that its configuration reads, and the folder itself', () => {
    const known = read('freeswitch-conf/environment.xml');
    const freeswitch = compose.services['freeswitch'];
    for (const name of Object.keys(freeswitch?.environment ?? {})) expect(known).toContain(`=$${name}"`);
    expect(freeswitch?.volumes).toContain('./freeswitch-conf:/etc/freeswitch:ro');
  });

  it('shows FreeSWITCH and denwaban prompts and recordings at the same paths', () => {
    for (const name of ['freeswitch', 'denwaban']) {
      expect(compose.services[name]?.volumes).toEqual(
        expect.arrayContaining(['denwaban:/data', './flows:/app/flows:ro']),
      );
    }
    expect(read('Dockerfile')).toMatch(/DATA_DIR=\/data/);
  });
});

describe('settings from the environment', () => {
  const used = composeVariables(text);

  it('are all documented in .env.example, and nothing else is', () => {
    expect([...new Set(used.map(({ name }) => name))].sort()).toEqual([...documented].sort());
  });

  it('have a default, or a message where they are missing', () => {
    const guarded = new Set(used.filter(({ form }) => form !== 'plain').map(({ name }) => name));
    for (const { name } of used) expect(guarded).toContain(name);
  });

  it('give no secret a value, in no file', () => {
    const secrets = used.map(({ name }) => name).filter((name) => /SECRET|PASSWORD/.test(name));
    expect(new Set(secrets).size).toBe(4);
    for (const name of secrets) {
      expect(used.some((use) => use.name === name && use.form === 'required')).toBe(true);
      expect(used.some((use) => use.name === name && use.form === 'default')).toBe(false);
      expect(example).toMatch(new RegExp(`^${name}=$`, 'm'));
    }
    for (const path of ['docker-compose.yml', '.env.example', 'Dockerfile']) {
      expect(read(path)).not.toMatch(/cluecon|cymru/i);
    }
    expect(read('.gitignore')).toMatch(/^\.env$/m);
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  it('runs as nobody special, under an init, from the lock file, and stops by SIGTERM', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["tini"/m);
    expect(dockerfile).toMatch(/npm ci --omit=dev/);
    expect(dockerfile).toMatch(/^STOPSIGNAL SIGTERM$/m);
    for (const [, image] of dockerfile.matchAll(/^FROM (\S+)/gm)) expect(image).toMatch(/^node:26-slim$/);
  });

  it('copies only what .dockerignore lets in', () => {
    const allowed = [...read('.dockerignore').matchAll(/^!(\S+)$/gm)].map(([, path]) => path);
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    expect(copied.length).toBeGreaterThan(0);
    for (const path of copied) expect(allowed).toContain(path);
  });
});

it('STACK=containers sets all that the files it starts ask for', () => {
  const files = [text, read('test/support/compose.tests.yml')];
  const required = files.flatMap(composeVariables).filter(({ form }) => form === 'required');
  expect(Object.keys(composeEnvironment('secret'))).toEqual(expect.arrayContaining(required.map(({ name }) => name)));
});
