import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { verifyReport } from '../../analytics/jobs/verify-report.ts'
import { pageOf } from '../../schemas/contracts/list.ts'
import { type DeploymentSummary, deploymentSummarySchema } from '../../schemas/contracts/release.ts'
import { reportSchema, type Verdict } from '../../schemas/contracts/report.ts'
import { verificationSchema } from '../../schemas/contracts/verification.ts'
import type { Api, ApiContext } from '../context.ts'
import { newestDeployment } from '../reads/releases.ts'
import type { StoredReport } from '../reads/reports.ts'
import { CSV_TYPE, toCsv, wantsCsv } from './csv.ts'
import { deploymentFilterShape } from './deployments.ts'
import { formatSchema, jsonOrCsv, nameSchema, problems } from './operation-schema.ts'

export function reportRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/reports',
    {
      schema: {
        operationId: 'listReports',
        tags: ['reports'],
        summary: 'Reports in short',
        querystring: z.strictObject({
          ...deploymentFilterShape,
          provisional: z.stringbool().optional(),
          format: formatSchema,
        }),
        response: { 200: jsonOrCsv(pageOf(deploymentSummarySchema)), ...problems(400) },
      },
    },
    async (request, reply) => {
      const { sort, limit, cursor, format, ...filter } = request.query
      const page = await context.summaries.page({ ...filter, reported: true }, { sort, limit, cursor })
      reply.header('vary', 'accept')
      if (!wantsCsv(request, format)) return await reply.type('application/json; charset=utf-8').send(page)
      if (page.nextCursor !== null) reply.header('x-next-cursor', page.nextCursor)
      return await reply.type(CSV_TYPE).send(toCsv(page.items, SUMMARY_COLUMNS))
    },
  )
  app.get(
    '/reports/:deploymentId',
    {
      schema: {
        operationId: 'getReport',
        tags: ['reports'],
        summary: "A deployment's report, with all its evidence",
        params: z.object({ deploymentId: nameSchema }),
        querystring: z.strictObject({ format: formatSchema }),
        response: { 200: jsonOrCsv(reportSchema), ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      const report = await context.reports.byDeployment(request.params.deploymentId)
      return await answerReport(request, reply, report, request.query.format)
    },
  )
  app.get(
    '/reports/:deploymentId/verification',
    {
      schema: {
        operationId: 'verifyReport',
        tags: ['reports'],
        summary: 'The same report computed again: whether inputs, words and numbers are what they were',
        params: z.object({ deploymentId: nameSchema }),
        response: { 200: verificationSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const stored = await context.reports.byDeployment(request.params.deploymentId)
      const report = await context.reports.parse(stored)
      return await verifyReport(context.store, context.catalogue, context.config, report, context.clock())
    },
  )
  app.get(
    '/releases/:service/:version/report',
    {
      schema: {
        operationId: 'getReleaseReport',
        tags: ['reports'],
        summary: "The report of a release's newest deployment",
        params: z.object({ service: nameSchema, version: nameSchema }),
        querystring: z.strictObject({ environment: nameSchema.optional(), format: formatSchema }),
        response: { 200: jsonOrCsv(reportSchema), ...problems(400, 404) },
      },
    },
    async (request, reply) => {
      const { service, version } = request.params
      const deployment = await newestDeployment(context, service, version, request.query.environment)
      const report = await context.reports.byDeployment(deployment.deploymentId)
      return await answerReport(request, reply, report, request.query.format)
    },
  )

  async function answerReport(
    request: FastifyRequest,
    reply: FastifyReply,
    report: StoredReport,
    format: 'json' | 'csv' | undefined,
  ): Promise<FastifyReply> {
    const csv = wantsCsv(request, format)
    // Another representation needs another tag.
    const etag = csv ? report.etag.replace(/"$/, '-csv"') : report.etag
    reply.header('etag', etag).header('cache-control', 'no-cache').header('vary', 'accept')
    if (etagMatches(request.headers['if-none-match'], etag)) return reply.code(304).send()
    if (csv) {
      const { verdicts } = await context.reports.parse(report)
      return reply.type(CSV_TYPE).send(toCsv(verdicts, VERDICT_COLUMNS))
    }
    // As it was stored: the analysis has checked it against the contract.
    return reply.type('application/json; charset=utf-8').send(report.json)
  }
}

/** Weak comparison (RFC 9110, 13.1.2). */
export function etagMatches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === etag)
}

const SUMMARY_COLUMNS: Readonly<
  Record<string, (row: DeploymentSummary) => string | number | boolean | null>
> = {
  deployment_id: (row) => row.deploymentId,
  service: (row) => row.service,
  environment: (row) => row.environment,
  version: (row) => row.version,
  previous_version: (row) => row.previousVersion,
  started_at: (row) => row.startedAt,
  state: (row) => row.state,
  provisional: (row) => row.provisional,
  regressed: (row) => row.counts?.regressed ?? null,
  improved: (row) => row.counts?.improved ?? null,
  unchanged: (row) => row.counts?.unchanged ?? null,
  inconclusive: (row) => row.counts?.inconclusive ?? null,
  headline: (row) => row.headline,
  computed_at: (row) => row.computedAt,
}

const VERDICT_COLUMNS: Readonly<Record<string, (row: Verdict) => string | number | boolean | null>> = {
  signal: (row) => row.signal,
  title: (row) => row.title,
  dimension: (row) => row.dimension,
  word: (row) => row.word,
  fact: (row) => row.fact,
  unit: (row) => row.unit,
  before: (row) => row.before.value,
  after: (row) => row.after.value,
  before_count: (row) => row.before.count,
  after_count: (row) => row.after.count,
  effect_ratio: (row) => row.effectRatio,
  effect_difference: (row) => row.effectDifference,
  interval_low: (row) => row.interval[0],
  interval_high: (row) => row.interval[1],
  interval_of: (row) => row.intervalOf,
  confidence: (row) => row.confidence,
  p_value: (row) => row.pValue,
  adjusted_p_value: (row) => row.adjustedPValue,
  criticality: (row) => row.criticality,
  design: (row) => row.design,
  method: (row) => row.method,
  summary: (row) => row.summary,
}
