import type { Logger } from 'pino'
import type { CollectorSettings } from '../../schemas/collectors.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Transport } from '../transport/transport.ts'
import { clickhouseCollector } from './clickhouse.ts'
import type { Collector } from './collector.ts'
import { hostCollector } from './host/host.ts'
import { mysqlCollector } from './mysql.ts'
import { oncePerReason } from './once-per-reason.ts'
import { postgresqlCollector } from './postgresql.ts'
import { prometheusCollector } from './prometheus/scrape.ts'
import { type RunningCollectors, runCollectors } from './runner.ts'

export interface CollectorsOptions {
  readonly settings: CollectorSettings
  /** Read itself, if the settings say so. */
  readonly store: Store
  readonly transport: Pick<Transport, 'admit' | 'send'>
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Starts whatever the settings name; a target that is away is tried again and again, and stops nothing. */
export function startCollectors(options: CollectorsOptions): RunningCollectors {
  return runCollectors({ ...options, collectors: collectorsOf(options) })
}

function collectorsOf({ settings, logger, store }: CollectorsOptions): readonly Collector[] {
  const warn = () => oncePerReason((message) => logger.warn(message))
  return [
    ...settings.prometheus.map((target) => prometheusCollector(target, warn())),
    ...settings.postgresql.map((target) => postgresqlCollector(target, warn())),
    ...settings.mysql.map((target) => mysqlCollector(target, warn())),
    ...(settings.host.enabled ? [hostCollector(settings.host)] : []),
    ...(settings.clickhouse.enabled ? [clickhouseCollector(settings.clickhouse, store, warn())] : []),
  ]
}
