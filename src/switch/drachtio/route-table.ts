/** Which clients want which requests. New requests go round among those who asked for the method. */
export class RouteTable<Client> {
  readonly #byVerb = new Map<string, { clients: Client[]; next: number }>();

  /** `verb`: a SIP method in any case, or `cdr:attempt`, `cdr:start`, `cdr:stop`. Any other is harmless. */
  add(client: Client, verb: string): void {
    const key = verb.toLowerCase();
    const route = this.#byVerb.get(key) ?? { clients: [], next: 0 };
    if (!route.clients.includes(client)) route.clients.push(client);
    this.#byVerb.set(key, route);
  }

  /** Takes the client off every verb. */
  removeClient(client: Client): void {
    for (const [verb, route] of this.#byVerb) {
      route.clients = route.clients.filter((other) => other !== client);
      if (route.clients.length === 0) this.#byVerb.delete(verb);
    }
  }

  /** The client whose turn it is; undefined when nobody wants the verb. */
  select(verb: string): Client | undefined {
    const route = this.#byVerb.get(verb.toLowerCase());
    if (!route) return undefined;
    const turn = route.next < route.clients.length ? route.next : 0;
    route.next = turn + 1;
    return route.clients[turn];
  }

  /** How many verbs a client asked for. */
  countOf(client: Client): number {
    let count = 0;
    for (const route of this.#byVerb.values()) if (route.clients.includes(client)) count++;
    return count;
  }
}
