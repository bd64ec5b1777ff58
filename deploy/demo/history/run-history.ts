import type { Progress } from '../../cli/progress.ts'
import { HISTORY_ENVIRONMENT } from '../truth/plan-history.ts'
import type { PlannedDeployment, Truth } from '../truth/truth.ts'
import { generateHistory, historyStart, startOf } from './generate-history.ts'
import { type Sent, sendHistory } from './send-history.ts'

export interface RunHistoryOptions {
  readonly truth: Truth
  /** Milliseconds since 1970: where the history ends. */
  readonly end: number
  readonly otlpUrl: string
  readonly apiKey?: string
  readonly requestsPerMinute?: number
  /** Tells Postflight of a deployment, as a pipeline would. */
  readonly tell: (deployment: ToldDeployment) => Promise<void>
  readonly progress?: Progress
  readonly signal?: AbortSignal
}

/** The body of `POST /api/v1/deployments`. */
export interface ToldDeployment {
  readonly service: string
  readonly environment: string
  readonly version: string
  readonly startedAt: string
  readonly attributes: Record<string, string>
}

/** Light traffic: so that six weeks fit into a minute. */
export const REQUESTS_PER_MINUTE = 18
const CHUNK_MINUTES = 240
/** A deployment is told once its watch window has been sent: its past is complete then, as it is when time passes by itself. */
const TELL_AFTER_MS = 4 * 3_600_000

/** Sends the whole history and tells of those of its deployments that a pipeline tells of. */
export async function runHistory(options: RunHistoryOptions): Promise<Sent> {
  const { truth, end } = options
  const begin = historyStart(truth, end)
  const untold = truth.deployments.filter((one) => one.told === 'api')
  let records = 0
  const tellUntil = async (time: number): Promise<void> => {
    for (let next = untold[0]; next !== undefined && startOf(next, end) <= time; next = untold[0]) {
      untold.shift()
      await options.tell(told(next, end))
    }
  }
  const chunks = generateHistory({
    truth,
    end,
    requestsPerMinute: options.requestsPerMinute ?? REQUESTS_PER_MINUTE,
    chunkMinutes: CHUNK_MINUTES,
  })
  const sent = await sendHistory(chunks, {
    otlpUrl: options.otlpUrl,
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
    concurrency: 3,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onAcknowledged: async (chunk) => {
      records += chunk.spans + chunk.logRecords + chunk.points
      options.progress?.update((chunk.to - begin) / (end - begin), records)
      await tellUntil(chunk.to - TELL_AFTER_MS)
    },
  })
  await tellUntil(end)
  return sent
}

function told(deployment: PlannedDeployment, end: number): ToldDeployment {
  return {
    service: deployment.service,
    environment: HISTORY_ENVIRONMENT,
    version: deployment.version,
    startedAt: new Date(startOf(deployment, end)).toISOString(),
    attributes: { pipeline: 'demo' },
  }
}
