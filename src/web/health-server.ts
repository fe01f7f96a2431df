import { createServer } from 'node:http';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';

/** What `/health` tells. `ready` decides between 200 and 503. */
export interface Health {
  ready: boolean;
  details: Record<string, unknown>;
}

export interface HttpServer {
  port: number;
  stop(): Promise<void>;
}

/**
 * Serves `GET /health`: JSON, 200 when a call offered now could be answered, 503 when not. For load balancers,
 * container health checks and people.
 * @throws DenwabanError `HTTP_PORT_IN_USE`.
 */
export function startHealthServer(options: {
  address: string;
  port: number;
  health: () => Promise<Health>;
}): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    const path = (request.url ?? '/').split('?')[0];
    if (path !== '/health') return answer(404, { error: 'NOT_FOUND', message: `nothing at ${path}; there is /health` });
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return answer(405, { error: 'METHOD_NOT_ALLOWED', message: 'use GET' });
    }
    return options.health().then(
      (health) => answer(health.ready ? 200 : 503, { ready: health.ready, ...health.details }),
      (error) => answer(503, { ready: false, error: errorMessage(error) }),
    );
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new DenwabanError('HTTP_PORT_IN_USE', `HTTP port ${options.port} on ${options.address} is in use`, {
              remedy: 'Stop what uses it, or set HTTP_PORT to another port',
            })
          : error,
      );
    });
    server.listen(options.port, options.address, () => {
      const bound = server.address();
      resolve({
        port: typeof bound === 'object' && bound ? bound.port : options.port,
        stop: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}
