import type { Attributes, ResourceMetrics } from './metric.ts'

/** What a collector is asked for at each of its intervals. */
export interface Round {
  /** Milliseconds since 1970: the time of everything that the round reads. */
  readonly time: number
  /** Fires when the round has taken too long, or when all is closed: let go of connections then. */
  readonly signal: AbortSignal
}

/** Reads one target. Rounds of one collector never overlap. */
export interface Collector {
  readonly kind: 'prometheus' | 'postgresql' | 'mysql' | 'host' | 'clickhouse'
  /** Whom it reads, without secrets: for logs and metrics. */
  readonly target: string
  /** Of what it reads; `up` is told of it. */
  readonly resource: Attributes
  readonly intervalSeconds: number
  /** A round that takes longer has failed. */
  readonly timeoutSeconds: number
  /** @throws CollectError or whatever its client throws; the round is then counted as failed */
  collect(round: Round): Promise<readonly ResourceMetrics[]>
}

/** Why nothing, or not all, could be read, in words for the log; never with a secret in it. */
export class CollectError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CollectError'
  }
}
