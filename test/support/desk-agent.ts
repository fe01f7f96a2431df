import { Baresip } from './baresip.ts';
import { eventually } from './poll.ts';
import type { System } from './system.ts';

/** Passwords that `denwaban load` or the first start has printed. */
export interface PrintedSecrets {
  users: Map<string, string>;
  phones: Map<string, string>;
}

export function readSecrets(output: string): PrintedSecrets {
  const pairs = (pattern: RegExp) =>
    new Map([...output.matchAll(pattern)].map(([, name = '', word = '']) => [name, word]));
  return {
    users: pairs(/sign in as (\S+) \(.*?\), password (\S+)/g),
    phones: pairs(/phone (\S+), realm \S+, password (\S+)/g),
  };
}

/** The parts of the live view that scenarios look at. */
export interface SeenDesk {
  call?: SeenCall;
  calls?: SeenCall[];
  agents?: { agentId: string; state: string; callId?: string }[];
  queues: { queueId: string; waiting: number }[];
}

export interface SeenCall {
  callId: string;
  state: string;
  queueId: string;
  callerNumber?: string;
  held?: boolean;
  transfer?: { to: string };
  transferFailed?: string;
  listeners?: { agentId: string; mode: string }[];
}

/** The console of somebody of the desk, signed in. */
export class DeskPage {
  readonly userId: string;
  readonly #url: string;
  readonly #cookie: string;

  private constructor(parts: { userId: string; url: string; cookie: string }) {
    this.userId = parts.userId;
    this.#url = parts.url;
    this.#cookie = parts.cookie;
  }

  static async open(system: System, secrets: PrintedSecrets, loginName: string): Promise<DeskPage> {
    const url = `${system.httpUrl}/api/v1`;
    return new DeskPage({ url, ...(await signIn(url, loginName, secrets.users.get(loginName) ?? '')) });
  }

  /** The same sign-in, at another controller. */
  movedTo(system: System): DeskPage {
    return new DeskPage({ userId: this.userId, url: `${system.httpUrl}/api/v1`, cookie: this.#cookie });
  }

  /** Asks the HTTP API as a page does. @throws Error with the answer's text where it is none of 2xx. */
  async send(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        ...{ cookie: this.#cookie, 'x-denwaban': '1' },
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** What the live page shows now. */
  async sees(): Promise<SeenDesk> {
    const response = await fetch(`${this.#url}/desk/live`, {
      headers: { cookie: this.#cookie },
    });
    let text = '';
    const decoder = new TextDecoder();
    for await (const part of response.body ?? []) {
      text += decoder.decode(part, { stream: true });
      const [, data] = /^data: (.*)\n/m.exec(text) ?? [];
      if (data === undefined) continue;
      return JSON.parse(data) as SeenDesk;
    }
    throw new Error('the live page ended');
  }
}

/** An agent at work, as the console would act for them: signed in over HTTP, with a phone that is not ours. */
export class DeskAgent {
  readonly agentId: string;
  readonly phone: Baresip;
  readonly page: DeskPage;

  private constructor(page: DeskPage, phone: Baresip) {
    this.agentId = page.userId;
    this.phone = phone;
    this.page = page;
  }

  /** Signs in and registers `<loginName>-1`. `answer`: the phone picks up by itself. */
  static async start(
    system: System,
    secrets: PrintedSecrets,
    loginName: string,
    options: { toneHz: number; answer: boolean; lifeSeconds?: number },
  ): Promise<DeskAgent> {
    const page = await DeskPage.open(system, secrets, loginName);
    const user = `${loginName}-1`;
    const register = { server: `${system.sipHost}:${system.sipPort}`, password: secrets.phones.get(user) ?? '' };
    const phone = await Baresip.start({ user, ...options, register });
    const answer = await phone.registration();
    if (answer !== '200 OK') {
      await phone.stop();
      throw new Error(`${user} could not register: ${answer}`);
    }
    return new DeskAgent(page, phone);
  }

  /** The same agent and phone, signed in again at this controller. */
  async at(system: System, secrets: PrintedSecrets, loginName: string): Promise<DeskAgent> {
    return new DeskAgent(await DeskPage.open(system, secrets, loginName), this.phone);
  }

  async want(state: 'available' | 'break' | 'offline', reason = ''): Promise<void> {
    await this.send('PUT', `/agents/${this.agentId}/state`, { state, reason });
  }

  async state(): Promise<string> {
    const { state } = (await this.send('GET', `/agents/${this.agentId}/state`)) as { state: string };
    return state;
  }

  /** Waits until the agent is in this state. As a page does, asks again where the answer is 503: it says so itself. */
  async reaches(state: string, timeoutMs = 10_000): Promise<void> {
    const isThere = async () => {
      try {
        return (await this.state()) === state;
      } catch (error) {
        if (error instanceof Error && error.message.includes(': 503 ')) return false;
        throw error;
      }
    };
    await eventually(`an agent to be ${state}`, isThere, { timeoutMs, everyMs: 50 });
  }

  async stop(): Promise<void> {
    await this.want('offline');
    await this.phone.stop();
  }

  send(method: string, path: string, body?: object): Promise<unknown> {
    return this.page.send(method, path, body);
  }
}

interface Session {
  cookie: string;
  userId: string;
}

/** Of people whose printed password was used: it is a temporary one, changed at their first sign-in. */
const firstSignIns = new Map<string, Promise<Session>>();

/** What somebody chooses in place of the password that was printed for them. */
const chosenFor = (printed: string) => `own ${printed}`;

/** The password of somebody who has signed in once, and chosen it then. */
export async function ownPassword(
  system: Pick<System, 'httpUrl'>,
  secrets: PrintedSecrets,
  loginName: string,
): Promise<string> {
  const printed = secrets.users.get(loginName) ?? '';
  await (firstSignIns.get(printed) ?? firstSignIn(`${system.httpUrl}/api/v1`, loginName, printed));
  return chosenFor(printed);
}

async function signIn(url: string, loginName: string, printed: string): Promise<Session> {
  const earlier = firstSignIns.get(printed);
  if (!earlier) return firstSignIn(url, loginName, printed);
  await earlier;
  return logIn(url, loginName, chosenFor(printed));
}

function firstSignIn(url: string, loginName: string, printed: string): Promise<Session> {
  const session = (async () => {
    const { cookie } = await logIn(url, loginName, printed);
    const body = { oldPassword: printed, newPassword: chosenFor(printed) };
    return readSession(loginName, await post('PUT', `${url}/me/password`, body, cookie));
  })();
  firstSignIns.set(printed, session);
  session.catch(() => firstSignIns.delete(printed));
  return session;
}

async function logIn(url: string, loginName: string, password: string): Promise<Session> {
  return readSession(loginName, await post('POST', `${url}/login`, { loginName, password }));
}

function post(method: string, url: string, body: object, cookie?: string): Promise<Response> {
  return fetch(url, {
    method,
    headers: { 'x-denwaban': '1', 'content-type': 'application/json', ...(cookie ? { cookie } : {}) },
    body: JSON.stringify(body),
  });
}

async function readSession(loginName: string, response: Response): Promise<Session> {
  if (!response.ok) throw new Error(`${loginName} could not sign in: ${response.status} ${await response.text()}`);
  const { user } = (await response.json()) as { user: { userId: string } };
  return { cookie: response.headers.get('set-cookie')?.split(';')[0] ?? '', userId: user.userId };
}
