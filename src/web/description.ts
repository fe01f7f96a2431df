import type { SwaggerOptions } from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { apiSchemas } from './errors.ts';
import { changesSomething, customHeader, sessionCookieName } from './guard.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What is answered is no JSON, but this. */
    answers?: 'text/event-stream';
  }
}

const describe = createJsonSchemaTransform({ schemaRegistry: apiSchemas });

const headerParameter = {
  type: 'object',
  properties: {
    [customHeader]: {
      type: 'string',
      const: '1',
      description: "Another site's page cannot make a browser send it; without it the answer is 403 CROSS_SITE",
    },
  },
  required: [customHeader],
};

/** The API's description (OpenAPI): made of the routes' schemas and of how they are guarded. */
export const description: SwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'denwaban',
      version: '1',
      description: 'Sign in at POST /login; the session is a cookie. Every error has one shape.',
    },
    components: { securitySchemes: { session: sessionScheme(false) } },
    security: [{ session: [] }],
  },
  transform: (document) => {
    const { schema, url } = describe(document);
    const { guard, answers } = document.route.config ?? {};
    if (schema === undefined || schema.hide) return { schema, url };
    const isPublic = guard !== undefined && 'public' in guard;
    const changes = [document.route.method].flat().some(changesSomething);
    return {
      url,
      schema: {
        ...schema,
        ...(isPublic ? { security: [] } : {}),
        ...(changes ? { headers: headerParameter } : {}),
        ...(answers === undefined ? {} : { response: answeredAs(answers, schema.response) }),
      },
    };
  },
  transformObject: createJsonSchemaTransformObject({ schemaRegistry: apiSchemas }),
};

/** As it is for whoever asks: browsers reach the server by https, or not. */
export function describedFor(document: object, secure: boolean): object {
  const components = 'components' in document ? document.components : {};
  return {
    ...document,
    components: Object.assign({}, components, { securitySchemes: { session: sessionScheme(secure) } }),
  };
}

function sessionScheme(secure: boolean) {
  return { type: 'apiKey', in: 'cookie', name: sessionCookieName(secure) } as const;
}

function answeredAs(type: string, response: unknown): object {
  return Object.fromEntries(
    Object.entries(response ?? {}).map(([status, schema]) =>
      /^2/.test(status) ? [status, { content: { [type]: { schema } } }] : [status, schema],
    ),
  );
}
