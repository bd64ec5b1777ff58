import swagger from '@fastify/swagger'
import scalar from '@scalar/fastify-api-reference'
import { createJsonSchemaTransform } from 'fastify-type-provider-zod'
import type { Api } from './context.ts'

/** The OpenAPI 3.1 document, made from the routes' Zod contracts, and a page to read it. Nothing is fetched from elsewhere. */
export async function openApi(app: Api): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Postflight',
        version: '1.0.0',
        description:
          'Did this release make things worse? Releases, deployments, reports with their evidence, series, trends and alerts. ' +
          'Errors are problem details (RFC 9457). Versions may hold any character: percent-encode them in paths.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'A key: pf_...' },
          header: { type: 'apiKey', in: 'header', name: 'X-Postflight-Key' },
        },
      },
      // {}: on loopback no key is needed.
      security: [{ bearer: [] }, { header: [] }, {}],
      tags: [
        { name: 'releases', description: 'Services, releases and deployments' },
        { name: 'reports', description: 'Verdicts and their evidence' },
        { name: 'signals', description: 'The catalogue, series, deltas and trends' },
        { name: 'alerts' },
        { name: 'gates', description: 'May a release go on?' },
        { name: 'keys', description: 'Need the scope admin' },
      ],
    },
    transform: createJsonSchemaTransform({ skipList: [] }),
    stripBasePath: false,
  })
  app.get('/api/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
  )
  await app.register(scalar, {
    routePrefix: '/api/docs',
    configuration: {
      url: '/api/openapi.json',
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: 'never',
      agent: { disabled: true },
      mcp: { disabled: true },
    },
    hooks: {
      onRequest: (_request, reply, done) => {
        // The reader's page starts itself by an inline script and styles; no other page may have one.
        reply.header(
          'content-security-policy',
          "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
            "font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
        )
        done()
      },
    },
  })
}
