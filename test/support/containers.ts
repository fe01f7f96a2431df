import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { DockerComposeEnvironment, Wait } from 'testcontainers';

/**
 * Starts drachtio-server and FreeSWITCH from the images and the configuration of docker-compose.yml, for
 * `STACK=containers`. Fails with Testcontainers' own words where no container engine runs.
 */
export async function startContainers(): Promise<Record<string, string>> {
  const secret = randomBytes(24).toString('hex');
  const root = resolve(import.meta.dirname, '../..');
  const environment = await new DockerComposeEnvironment(root, 'docker-compose.yml')
    .withEnvironment({
      DRACHTIO_SECRET: secret,
      FREESWITCH_PASSWORD: secret,
      POSTGRES_PASSWORD: secret,
      PUBLIC_ADDRESS: '127.0.0.1',
    })
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
