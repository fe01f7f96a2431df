import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { DockerComposeEnvironment, Wait } from 'testcontainers';

const root = resolve(import.meta.dirname, '../..');

/** What docker-compose.yml and compose.tests.yml ask for (test/production checks that it is all). */
export function composeEnvironment(secret: string): Record<string, string> {
  const { uid, gid } = { uid: process.getuid?.() ?? 1_000, gid: process.getgid?.() ?? 1_000 };
  return {
    DRACHTIO_SECRET: secret,
    FREESWITCH_ESL_PASSWORD: secret,
    REDIS_PASSWORD: secret,
    POSTGRES_PASSWORD: secret,
    SIP_ADDRESS: '127.0.0.1',
    TEST_USER: `${uid}:${gid}`,
    TEST_REPOSITORY: root,
    TEST_FOLDER: tmpdir(),
  };
}

/**
 * Starts drachtio-server and FreeSWITCH from the images and the configuration of docker-compose.yml, for
 * `STACK=containers`. Fails with Testcontainers' own words where no container engine runs.
 */
export async function startContainers(): Promise<Record<string, string>> {
  const secret = randomBytes(24).toString('hex');
  const environment = await new DockerComposeEnvironment(root, ['docker-compose.yml', 'test/support/compose.tests.yml'])
    .withEnvironment(composeEnvironment(secret))
    .withWaitStrategy('freeswitch', Wait.forHealthCheck())
    .up(['drachtio', 'freeswitch']);
  process.once('exit', () => {
    void environment.down({ removeVolumes: true });
  });
  return {
    DRACHTIO_URL: `tcp://:${secret}@127.0.0.1:9022`,
    FREESWITCH_URLS: `esl://:${secret}@127.0.0.1:8021`,
  };
}
