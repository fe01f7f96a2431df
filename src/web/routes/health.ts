import { errorMessage } from '../../kernel/errors.ts';
import type { Api } from '../api.ts';

/** What `/health` tells. `ready` decides between 200 and 503. */
export interface Health {
  ready: boolean;
  details: Record<string, unknown>;
}

/**
 * `GET /health`: JSON, 200 when a call offered now could be answered, 503 when not. For load balancers, container
 * health checks and people.
 */
export function healthRoute(api: Api, health: () => Promise<Health>): void {
  api.get('/health', {
    config: { guard: { public: true } },
    schema: { hide: true },
    handler: async (_, reply) => {
      const told = await health().then(
        ({ ready, details }) => ({ ready, ...details }),
        (error: unknown) => ({ ready: false, error: errorMessage(error) }),
      );
      return reply.code(told.ready ? 200 : 503).send(told);
    },
  });
}
