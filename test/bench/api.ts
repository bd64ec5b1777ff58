import autocannon from 'autocannon'
import { quantile } from 'simple-statistics'
import type { DeploymentSummary } from '../../schemas/contracts/release.ts'

const CONNECTIONS = 20

export interface PageFigure {
  readonly path: string
  /** Milliseconds of 95 % of the answers, at most. */
  readonly p95Ms: number
  readonly medianMs: number
  readonly requests: number
  /** Answers that were no 200. */
  readonly failed: number
}

export interface PageFigures {
  /** The slowest path's. */
  readonly pageP95Ms: number
  readonly pages: readonly PageFigure[]
}

/**
 * Pages and API reads under 20 users who each ask again as soon as they are answered.
 * @param baseUrl of a Postflight that has reports
 * @param seconds for each path
 */
export async function measurePages(baseUrl: string, seconds = 3): Promise<PageFigures> {
  const pages: PageFigure[] = []
  for (const path of await pathsOf(baseUrl)) pages.push(await measure(baseUrl, path, seconds))
  return { pageP95Ms: Math.max(...pages.map((page) => page.p95Ms)), pages }
}

/** What people open most, for the deployment with the most to say. */
async function pathsOf(baseUrl: string): Promise<readonly string[]> {
  const answer = await fetch(`${baseUrl}/api/v1/reports?limit=100`)
  const { items } = (await answer.json()) as { items: DeploymentSummary[] }
  const richest = items.toSorted((a, b) => (b.counts?.regressed ?? 0) - (a.counts?.regressed ?? 0))[0]
  if (richest === undefined) throw new Error(`${baseUrl} has no reports to measure with`)
  const service = encodeURIComponent(richest.service)
  const version = encodeURIComponent(richest.version)
  return [
    '/',
    `/services/${service}`,
    `/releases/${service}/${version}`,
    '/alerts',
    '/api/v1/services',
    `/api/v1/releases?service=${service}`,
    '/api/v1/deployments',
    '/api/v1/reports?sort=-state',
    `/api/v1/reports/${richest.deploymentId}`,
    `/api/v1/reports/${richest.deploymentId}?format=csv`,
    `/api/v1/deployments/${richest.deploymentId}/series?signal=latency.server`,
    `/api/v1/trends?service=${service}&signal=latency.server`,
  ]
}

async function measure(baseUrl: string, path: string, seconds: number): Promise<PageFigure> {
  const milliseconds: number[] = []
  let failed = 0
  // A page that nobody has opened since its report was computed is drawn once.
  await (await fetch(`${baseUrl}${path}`)).arrayBuffer()
  await new Promise<void>((resolve, reject) => {
    const run = autocannon(
      { url: `${baseUrl}${path}`, connections: CONNECTIONS, duration: seconds },
      (error) => (error ? reject(error) : resolve()),
    )
    // autocannon itself tells 90, 97.5 and 99 %, but not 95 %.
    run.on('response', (_client, status, _bytes, took) => {
      milliseconds.push(took)
      if (status !== 200) failed += 1
    })
  })
  if (milliseconds.length === 0) throw new Error(`${path} was not answered`)
  return {
    path,
    p95Ms: Number(quantile(milliseconds, 0.95).toFixed(1)),
    medianMs: Number(quantile(milliseconds, 0.5).toFixed(1)),
    requests: milliseconds.length,
    failed,
  }
}
