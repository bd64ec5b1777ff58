import type { AccountFindings } from '../../ingest/collectors/database-settings.ts'
import { hostCollector } from '../../ingest/collectors/host/host.ts'
import { checkMysql, mysqlGrants } from '../../ingest/collectors/mysql.ts'
import { checkPostgresql, postgresqlGrants } from '../../ingest/collectors/postgresql.ts'
import { prometheusCollector } from '../../ingest/collectors/prometheus/scrape.ts'
import type {
  CollectorSettings,
  DatabaseTarget,
  HostSettings,
  PrometheusTarget,
} from '../../schemas/collectors.ts'
import type { Finding } from './finding.ts'

/** Asks each target that is to be read, once: whether it answers, and what its account lacks. */
export async function collectorFindings(
  collectors: CollectorSettings,
  clock: () => number,
): Promise<readonly Finding[]> {
  return await Promise.all([
    ...collectors.prometheus.map((target) => scrape(target, clock())),
    ...collectors.postgresql.map((target) =>
      database('PostgreSQL', target, checkPostgresql, postgresqlGrants(target)),
    ),
    ...collectors.mysql.map((target) => database('MySQL', target, checkMysql, mysqlGrants(target))),
    ...(collectors.host.enabled ? [host(collectors.host, clock())] : []),
  ])
}

async function scrape(target: PrometheusTarget, time: number): Promise<Finding> {
  const check = `scrape of ${target.url}`
  let left = ''
  const collector = prometheusCollector(target, (message) => {
    left = message
  })
  try {
    const batches = await collector.collect({
      time,
      signal: AbortSignal.timeout(target.timeoutSeconds * 1000),
    })
    const series = batches
      .flatMap(({ metrics }) => metrics)
      .reduce((sum, { points }) => sum + points.length, 0)
    const services = new Set(batches.map(({ resource }) => resource['service.name']))
    const unknown = batches.some(({ resource }) => resource['service.version'] === undefined)
    const found = `${series} series of ${[...services].join(', ')}`
    if (left !== '') return { check, level: 'warning', found, advice: left }
    const advice = 'Some have no version: set labels.service.version, or version, of that target.'
    return unknown ? { check, level: 'warning', found, advice } : { check, level: 'ok', found, advice: '' }
  } catch (error) {
    return {
      check,
      level: 'problem',
      found: wordsOf(error),
      advice: 'Is it running, and is the address right?',
    }
  }
}

async function host(settings: HostSettings, time: number): Promise<Finding> {
  const check = `host ${settings.name}`
  try {
    await hostCollector(settings).collect({ time, signal: AbortSignal.timeout(5_000) })
    return { check, level: 'ok', found: `read from ${settings.proc}`, advice: '' }
  } catch (error) {
    return {
      check,
      level: 'problem',
      found: wordsOf(error),
      advice: 'Turn it off: --collectors.host.enabled false',
    }
  }
}

async function database(
  kind: string,
  target: DatabaseTarget,
  ask: (target: DatabaseTarget) => Promise<AccountFindings>,
  grants: readonly string[],
): Promise<Finding> {
  const check = `${kind} ${target.name} as ${target.user}`
  try {
    const { version, lacking } = await ask(target)
    if (lacking.length === 0) return { check, level: 'ok', found: version, advice: '' }
    const found = `${version}: ${lacking.map(({ what }) => what).join('; ')}`
    return { check, level: 'warning', found, advice: lacking.map(({ sql }) => sql).join('\n') }
  } catch (error) {
    const advice = ['The account that is needed, and all that it needs:', ...grants].join('\n')
    return { check, level: 'problem', found: wordsOf(error), advice }
  }
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (error.message === '' && error instanceof AggregateError) return error.errors.map(String).join('; ')
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message
}
