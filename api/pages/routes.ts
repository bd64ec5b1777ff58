import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { sharedSources, usersOf } from '../../schemas/collectors.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { SESSION_COOKIE } from '../auth/authenticator.ts'
import type { Api, ApiContext } from '../context.ts'
import { problemOf } from '../limits/problem.ts'
import { firingRegressions } from '../reads/alerts.ts'
import { readComparison } from '../reads/comparison.ts'
import { readOwnFalseAlarms } from '../reads/own-false-alarms.ts'
import { newestDeployment, readReleases } from '../reads/releases.ts'
import { readReportCharts } from '../reads/report-charts.ts'
import { readRests } from '../reads/rests.ts'
import { readServiceTrends } from '../reads/service-trends.ts'
import { readService, readServices } from '../reads/services.ts'
import { readTrend } from '../reads/trend.ts'
import { nameSchema } from '../routes/operation-schema.ts'
import { etagMatches } from '../routes/reports.ts'
import { alertPages } from './alert-routes.ts'
import { comparePage } from './compare.ts'
import { sendHtml } from './html.ts'
import { loginPage, logoutPage } from './login.ts'
import { overviewPage } from './overview.ts'
import { pendingReportPage, reportPage } from './report.ts'
import { servicePage } from './service.ts'
import { signalsPage } from './signals.ts'
import { watchPages } from './watch-routes.ts'

const hidden = { hide: true } as const
/** Days that a service's page looks back. */
const QUARTER = 91
/** Drawn on a service's page, as far as they were judged there. */
const TRENDS = [
  'latency.server',
  'errors.server',
  'exceptions.rate',
  'db.duration',
  'runtime.memory',
  'traffic.requests',
]

/** The pages that people read, rendered here; scripts only draw charts and renew what is not final. */
export async function pages(app: Api, context: ApiContext): Promise<void> {
  await assets(app)
  const environmentQuery = z.object({ environment: nameSchema.optional() })

  app.get('/', { schema: hidden }, async (_request, reply) =>
    sendHtml(
      reply,
      await context.fresh.get('page /', async () => {
        const [services, firing] = await Promise.all([readServices(context), firingRegressions(context)])
        return overviewPage(services, firing, context.clock(), otlpAddress(context.config))
      }),
    ),
  )

  app.get(
    '/services/:service',
    { schema: { ...hidden, params: z.object({ service: nameSchema }), querystring: environmentQuery } },
    async (request, reply) => {
      const name = request.params.service
      const wanted = request.query.environment
      return sendHtml(
        reply,
        await context.fresh.get(`page service ${JSON.stringify([name, wanted])}`, async () => {
          const service = await readService(context, name)
          const newest = service.environments.toSorted((a, b) =>
            (b.latest?.startedAt ?? '').localeCompare(a.latest?.startedAt ?? ''),
          )[0]
          const environment = wanted ?? newest?.environment ?? 'default'
          const known = new Set(context.catalogue.signals.map((signal) => signal.id))
          const [releases, firing, rests, calibration, quarter, ...trends] = await Promise.all([
            readReleases(context, name),
            firingRegressions(context),
            readRests(context.store, name, context.clock()),
            readOwnFalseAlarms(context, name, environment),
            readServiceTrends(context, name, environment, QUARTER),
            ...TRENDS.filter((id) => known.has(id)).map((id) =>
              readTrend(context, name, environment, id, ''),
            ),
          ])
          const { collectors } = context.config
          return servicePage({
            ...{ service, environment, releases, firing, trends, quarter, calibration, ...rests },
            users: usersOf(collectors, { name, environment }),
            shares: sharedSources(collectors, { service: name, environment }),
          })
        }),
      )
    },
  )

  app.get(
    '/releases/:service/:version',
    {
      schema: {
        ...hidden,
        params: z.object({ service: nameSchema, version: nameSchema }),
        querystring: environmentQuery,
      },
    },
    async (request, reply) => {
      const { service, version } = request.params
      const [deployment, siblings] = await Promise.all([
        newestDeployment(context, service, version, request.query.environment),
        context.summaries.newest({ service, version }),
      ])
      const stored = await context.reports.byDeployment(deployment.deploymentId).catch((error: unknown) => {
        if (error instanceof PostflightError && error.code === 'REPORT_NOT_READY') return undefined
        throw error
      })
      if (stored === undefined) return sendHtml(reply, pendingReportPage(deployment))
      const [alert] = await firingRegressions(context, deployment.deploymentId)
      // The page shows which other environments there are too, and an alert while it fires.
      const fires = alert === undefined ? '' : `-alert${alert.revision}`
      const key = `${stored.etag}${fires} ${JSON.stringify(siblings.map((sibling) => sibling.environment))}`
      const etag = stored.etag.replace(/"$/, `-page${siblings.length}${fires}"`)
      reply.header('etag', etag)
      if (etagMatches(request.headers['if-none-match'], etag)) return reply.code(304).send()
      return sendHtml(
        reply,
        await context.lasting.get(`page ${key}`, async () => {
          const report = await context.reports.parse(stored)
          return reportPage({ report, series: await readReportCharts(context, report), siblings, alert })
        }),
      )
    },
  )

  app.get(
    '/compare',
    {
      schema: {
        ...hidden,
        querystring: z.object({
          service: nameSchema.optional(),
          a: nameSchema.optional(),
          b: nameSchema.optional(),
          environment: nameSchema.optional(),
        }),
      },
    },
    async (request, reply) => {
      const services = await readServices(context)
      const service = request.query.service ?? (services.length === 1 ? services[0]?.service : undefined)
      const releases = service === undefined ? [] : await readReleases(context, service)
      const { a, b } = request.query
      const environment = request.query.environment ?? releases[0]?.deployments[0]?.environment
      const chosen = { a: a ?? releases[1]?.version, b: b ?? releases[0]?.version }
      if (service === undefined || a === undefined || b === undefined) {
        return sendHtml(
          reply,
          comparePage({
            services,
            service,
            environment,
            releases,
            ...chosen,
            comparison: undefined,
            problem: undefined,
          }),
        )
      }
      try {
        const comparison = await readComparison(context, service, a, b, request.query.environment)
        return sendHtml(
          reply,
          comparePage({
            services,
            service,
            environment: comparison.environment,
            releases,
            a,
            b,
            comparison,
            problem: undefined,
          }),
        )
      } catch (error) {
        const problem = problemOf(error)
        if (problem.status !== 404) throw error
        reply.code(404)
        return sendHtml(
          reply,
          comparePage({ services, service, environment, releases, a, b, comparison: undefined, problem }),
        )
      }
    },
  )

  alertPages(app, context)
  watchPages(app, context)

  const catalogue = signalsPage(context.catalogue.signals)
  app.get('/signals', { schema: hidden }, async (_request, reply) => sendHtml(reply, catalogue))

  loginRoutes(app, context)
}

function loginRoutes(app: Api, { auth }: ApiContext): void {
  const open = { scope: 'open' } as const
  const cookie = { path: '/', httpOnly: true, sameSite: 'strict' } as const
  app.get(
    '/login',
    { config: open, schema: { ...hidden, querystring: z.object({ to: z.string().max(4000).default('/') }) } },
    async (request, reply) => {
      if (!auth.required) return reply.redirect('/', 303)
      return sendHtml(
        reply,
        loginPage({ token: reply.generateCsrf(), to: ownPath(request.query.to), failed: false }),
      )
    },
  )
  app.post(
    '/login',
    {
      config: { ...open, rateLimit: { max: 30, timeWindow: '1 minute' } },
      schema: {
        ...hidden,
        body: z.object({
          _csrf: z.string().max(200).optional(),
          key: z.string().max(200),
          to: z.string().max(4000).default('/'),
        }),
      },
      preValidation: app.csrfProtection,
    },
    async (request, reply) => {
      const to = ownPath(request.body.to)
      const key = await auth.keyFromText(request.body.key.trim())
      if (key === undefined || !key.scopes.some((scope) => scope !== 'ingest')) {
        reply.code(401)
        return sendHtml(reply, loginPage({ token: reply.generateCsrf(), to, failed: true }))
      }
      const session = auth.session(key)
      reply.setCookie(SESSION_COOKIE, session.value, {
        ...cookie,
        maxAge: session.maxAgeSeconds,
        secure: request.protocol === 'https',
      })
      return reply.redirect(to, 303)
    },
  )
  app.get('/logout', { config: open, schema: hidden }, async (_request, reply) =>
    sendHtml(reply, logoutPage(reply.generateCsrf())),
  )
  app.post(
    '/logout',
    { config: open, schema: hidden, preValidation: app.csrfProtection },
    async (_request, reply) => {
      reply.clearCookie(SESSION_COOKIE, cookie)
      return reply.redirect('/login', 303)
    },
  )
}

/** As a program on this machine would name it. */
function otlpAddress({ otlp }: ApiContext['config']): string {
  const host = otlp.host === '0.0.0.0' || otlp.host === '::' ? '127.0.0.1' : otlp.host
  return `${otlp.tls.cert === '' ? 'http' : 'https'}://${host}:${otlp.port}`
}

/** Only a path of this server: a log-in must not send people elsewhere. */
function ownPath(to: string): string {
  return /^\/(?![/\\])/.test(to) && !/[\p{Cc}\\]/u.test(to) ? to : '/'
}

/** The few files that pages load, read once; nothing comes from another host. */
async function assets(app: Api): Promise<void> {
  const uPlot = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist')
  const own = join(import.meta.dirname, '..', 'assets')
  const files = [
    [own, 'postflight.css', 'text/css; charset=utf-8'],
    [own, 'postflight.svg', 'image/svg+xml'],
    [own, 'chart.js', 'text/javascript; charset=utf-8'],
    [own, 'refresh.js', 'text/javascript; charset=utf-8'],
    [uPlot, 'uPlot.iife.min.js', 'text/javascript; charset=utf-8'],
    [uPlot, 'uPlot.min.css', 'text/css; charset=utf-8'],
  ] as const
  for (const [folder, name, type] of files) {
    const content = await readFile(join(folder, name))
    const path = `/assets/${name}`
    const send = async (_request: unknown, reply: FastifyReply) =>
      reply.type(type).header('cache-control', 'public, max-age=600').send(content)
    app.get(path, { config: { scope: 'open' }, schema: hidden }, send)
    // Browsers ask for it on pages that are not ours to write, such as the API's.
    if (name.endsWith('.svg')) app.get('/favicon.ico', { config: { scope: 'open' }, schema: hidden }, send)
  }
}
