import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import cookie from '@fastify/cookie'
import csrf from '@fastify/csrf-protection'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { Gates } from '../analytics/gate/gates.ts'
import type { Config } from '../schemas/config.ts'
import type { Deployment } from '../schemas/contracts/deployment.ts'
import { PostflightError } from '../schemas/errors.ts'
import type { Catalogue } from '../schemas/signals/catalogue.ts'
import type { Store } from '../schemas/store/client.ts'
import { Authenticator } from './auth/authenticator.ts'
import { guard } from './auth/guard.ts'
import { KeyStore } from './auth/key-store.ts'
import type { Api, ApiContext } from './context.ts'
import { answerErrors } from './limits/error-answers.ts'
import { openApi } from './open-api.ts'
import { pages } from './pages/routes.ts'
import { FreshCache } from './reads/fresh-cache.ts'
import { Reports } from './reads/reports.ts'
import { Summaries } from './reads/summaries.ts'
import { alertRoutes } from './routes/alerts.ts'
import { comparisonRoutes } from './routes/compare.ts'
import { deploymentRoutes } from './routes/deployments.ts'
import { gateRoutes } from './routes/gates.ts'
import { keyRoutes } from './routes/keys.ts'
import { markRoutes } from './routes/marks.ts'
import { noticeRoutes } from './routes/notices.ts'
import { operationRoutes } from './routes/operations.ts'
import { planRoutes } from './routes/plans.ts'
import { releaseRoutes } from './routes/releases.ts'
import { reportRoutes } from './routes/reports.ts'
import { seriesRoutes } from './routes/series.ts'
import { serviceRoutes } from './routes/services.ts'
import { signalRoutes } from './routes/signals.ts'
import { trendRoutes } from './routes/trends.ts'
import { watchRoutes } from './routes/watches.ts'
import { requestAnswered } from './telemetry.ts'

export interface ApiOptions {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly config: Config
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly logger: FastifyBaseLogger
  /** The guard shared with the other doors; made from `config` and `store` if absent. */
  readonly authenticator?: Authenticator
  /** Told of each deployment that a pipeline reports, so that its analysis need not wait for the next round. */
  readonly onDeployment?: (deployment: Deployment) => void
  /** Told when somebody has acknowledged an alert or changed a mute, so that receivers hear of it at once. */
  readonly onAlertChange?: () => void
  /** Writes Prometheus text: the request handler of OpenTelemetry's PrometheusExporter. */
  readonly metricsHandler?: (request: IncomingMessage, response: ServerResponse) => void
}

export interface RunningApi {
  /** Address that it listens on. */
  readonly url: string
  close(): Promise<void>
}

const MAX_BODY_BYTES = 2 ** 20
const REQUEST_MS = 30_000
/** A version may have 200 characters, each up to twelve when percent-encoded. */
const MAX_PARAM_CHARACTERS = 2400

/** The guard of every door, for whoever wires them together. */
export function createAuthenticator(options: Pick<ApiOptions, 'store' | 'config' | 'clock'>): Authenticator {
  const keys = new KeyStore(options.store, options.clock, randomBytes)
  return new Authenticator(options.config, keys, options.clock, randomBytes)
}

/**
 * Starts the API and the pages.
 * @throws PostflightError KEYS_REQUIRED if keys are needed and there is none, PORT_IN_USE
 */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { config, clock } = options
  const auth = options.authenticator ?? createAuthenticator(options)
  await auth.refuseStartWithoutKey()
  const context: ApiContext = {
    store: options.store,
    catalogue: options.catalogue,
    config,
    clock,
    auth,
    summaries: new Summaries(options.store, clock),
    reports: new Reports(options.store, clock),
    gates: new Gates({ store: options.store, config, clock }),
    fresh: new FreshCache(clock, 1000, 500),
    slow: new FreshCache(clock, 60_000, 100),
    lasting: new FreshCache(clock, Number.POSITIVE_INFINITY, 600),
    onDeployment: options.onDeployment ?? (() => {}),
    onAlertChange: options.onAlertChange ?? (() => {}),
    metricsHandler: options.metricsHandler,
  }
  const app = await buildApi(context, options.logger)
  try {
    const url = await app.listen({ host: config.api.host, port: config.api.port })
    return { url, close: () => app.close() }
  } catch (error) {
    await app.close()
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new PostflightError(
        'PORT_IN_USE',
        `Port ${config.api.port} on ${config.api.host} is taken by another program.`,
        { hint: 'Stop that program, or choose another port: --api.port 8081', cause: error },
      )
    }
    throw error
  }
}

async function buildApi(context: ApiContext, logger: FastifyBaseLogger): Promise<Api> {
  const app: Api = Fastify({
    loggerInstance: logger,
    // One line a request would drown the rest; metrics and the trace say it.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PARAM_CHARACTERS, ignoreTrailingSlash: false },
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  // Text is what a foreign page may post without asking; nothing here takes it.
  app.removeContentTypeParser('text/plain')
  answerErrors(app)
  await app.register(helmet, {
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        // uPlot places its parts by style attributes.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        objectSrc: ["'none'"],
        // Plain HTTP is what is served here; a proxy that adds TLS adds the upgrade too.
        upgradeInsecureRequests: null,
      },
    },
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'same-origin' },
  })
  await app.register(rateLimit, { global: false })
  await app.register(cookie)
  await app.register(csrf, {
    cookieKey: 'postflight_csrf',
    cookieOpts: { path: '/', httpOnly: true, sameSite: 'strict' },
    getToken: (request) => (request.body as { _csrf?: string } | undefined)?._csrf,
  })
  await app.register(formbody, { bodyLimit: 16 * 1024 })
  guard(app, context)
  app.addHook('onResponse', async (request, reply) => {
    requestAnswered(
      reply.elapsedTime / 1000,
      request.routeOptions.url ?? '(none)',
      request.method,
      reply.statusCode,
    )
  })
  await openApi(app)
  await app.register(
    async (v1) => {
      const api = v1 as unknown as Api
      for (const routes of [
        serviceRoutes,
        releaseRoutes,
        deploymentRoutes,
        reportRoutes,
        seriesRoutes,
        comparisonRoutes,
        trendRoutes,
        planRoutes,
        alertRoutes,
        gateRoutes,
        noticeRoutes,
        markRoutes,
        watchRoutes,
        signalRoutes,
        keyRoutes,
      ])
        routes(api, context)
    },
    { prefix: '/api/v1' },
  )
  operationRoutes(app, context)
  await pages(app, context)
  await app.ready()
  return app
}
