/**
 * Which switch the scenarios run on (design.md, "The embedded switch"):
 * `STACK=embedded` (default): denwaban's own, started with it;
 * `STACK=local`: a drachtio-server and a FreeSWITCH on this machine, at DRACHTIO_URL and FREESWITCH_URLS;
 * `STACK=containers`: the images of docker-compose.yml, by Testcontainers.
 */
export type StackName = 'embedded' | 'local' | 'containers';

export function stackName(): StackName {
  const name = process.env.STACK ?? 'embedded';
  if (name === 'embedded' || name === 'local' || name === 'containers') return name;
  throw new Error(`STACK=${name}: it must be embedded, local or containers`);
}

/** Settings that make denwaban use the stack. Containers are started once per test process and kept. */
export async function prepareStack(): Promise<{ environment: Record<string, string> }> {
  switch (stackName()) {
    case 'embedded':
      return { environment: {} };
    case 'local': {
      const { DRACHTIO_URL, FREESWITCH_URLS } = process.env;
      if (!DRACHTIO_URL || !FREESWITCH_URLS) {
        throw new Error(
          'STACK=local needs DRACHTIO_URL (tcp://:secret@host:9022) and FREESWITCH_URLS (esl://:password@host:8021)',
        );
      }
      return { environment: { DRACHTIO_URL, FREESWITCH_URLS } };
    }
    case 'containers': {
      containers ??= import('./containers.ts').then((module) => module.startContainers());
      return { environment: await containers };
    }
  }
}

let containers: Promise<Record<string, string>> | undefined;
