import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Config } from '../../schemas/config.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Store } from '../../schemas/store/client.ts'
import { FOREIGN_HINT, foreignTables, readMigrations } from '../../schemas/store/migrate.ts'
import { borrowDatabase } from '../open-database.ts'
import { newCommand, runs } from './command.ts'
import { type CliContext, createLogger, writeJson } from './context.ts'
import { alertFindings } from './doctor-alerts.ts'
import { collectorFindings } from './doctor-collectors.ts'
import { dimensionFindings } from './doctor-dimensions.ts'
import { kafkaFindings } from './doctor-kafka.ts'
import { sourceFindings } from './doctor-source.ts'
import { EXIT } from './exit-codes.ts'
import type { Finding } from './finding.ts'
import { paintFor } from './paint.ts'

const GIB = 2 ** 30
const HOUR = 3600

export function doctorCommand(context: CliContext): Command {
  const command = newCommand('doctor', 'Say what is wrong and what to do about it')
  return runs(context, command, async ({ config, json }) => {
    const findings = [
      await disk(config),
      ...(await ports(config)),
      ...(await kafkaFindings(config, context)),
      ...(await store(config, context)),
      ...(await collectorFindings(config.collectors, context.clock)),
    ]
    if (json) writeJson(context, findings)
    else {
      const paint = paintFor(context)
      for (const { check, level, found, advice } of findings) {
        const colour = level === 'ok' ? 'green' : level === 'warning' ? 'yellow' : 'red'
        context.out.write(
          `${paint(colour, level.padEnd(8))} ${check}: ${found}\n${advice === '' ? '' : `         ${advice.replaceAll('\n', '\n         ')}\n`}`,
        )
      }
    }
    return findings.some(({ level }) => level === 'problem') ? EXIT.failed : EXIT.healthy
  })
}

async function disk(config: Config): Promise<Finding> {
  let folder = resolve(config.dataDir)
  while (!existsSync(folder)) folder = dirname(folder)
  const { bavail, bsize } = await statfs(folder)
  const free = (bavail * bsize) / GIB
  const found = `${free.toFixed(1)} GiB free for ${resolve(config.dataDir)}`
  if (free < 1)
    return { check: 'disk', level: 'problem', found, advice: 'Free some space: writes fail when it is full.' }
  if (free < 5)
    return { check: 'disk', level: 'warning', found, advice: 'Free some space, or shorten retention.*.' }
  return { check: 'disk', level: 'ok', found, advice: '' }
}

async function ports(config: Config): Promise<Finding[]> {
  const running = await answers(`http://127.0.0.1:${config.api.port}/healthz`)
  const doors = [
    ['api', config.api.host, config.api.port, 'api.port'],
    ['otlp', config.otlp.host, config.otlp.port, 'otlp.port'],
    ['otlp over gRPC', config.otlp.host, config.otlp.grpcPort, 'otlp.grpcPort'],
    ...(config.clickhouse.url === ''
      ? [['clickhouse', '127.0.0.1', config.clickhouse.port, 'clickhouse.port'] as const]
      : []),
  ] as const
  return await Promise.all(
    doors.map(async ([name, host, port, setting]): Promise<Finding> => {
      const check = `port ${port} (${name})`
      if (running) return { check, level: 'ok', found: 'Postflight is running', advice: '' }
      if (await isFree(host, port)) return { check, level: 'ok', found: 'free', advice: '' }
      const advice = `Stop what has it, or choose another: --${setting} ${port + 1}`
      return { check, level: 'problem', found: 'taken by another program', advice }
    }),
  )
}

async function store(config: Config, context: CliContext): Promise<Finding[]> {
  const logger = createLogger({ ...config, logLevel: 'silent' }, [context.err])
  try {
    const database = await borrowDatabase(config, logger)
    try {
      const where = database.embedded ? `embedded, ${resolve(config.dataDir)}` : database.store.url
      const reachable: Finding = { check: 'store', level: 'ok', found: where, advice: '' }
      const schemaFinding = await schema(database.store)
      if (schemaFinding.level !== 'ok') return [reachable, schemaFinding]
      return [
        reachable,
        schemaFinding,
        ...(await sourceFindings(database.store, config)),
        ...(await telemetry(database.store, context.clock())),
        ...(await dimensionFindings(database.store, context.clock())),
        await deadLetters(database.store),
        ...(await alertFindings(config.alerts, database.store, context.clock())),
      ]
    } finally {
      await database.close()
    }
  } catch (error) {
    if (!(error instanceof PostflightError)) throw error
    return [{ check: 'store', level: 'problem', found: error.message, advice: error.hint }]
  }
}

async function schema(opened: Store): Promise<Finding> {
  const check = 'schema'
  const foreign = await foreignTables(opened)
  if (foreign.length > 0)
    return {
      check,
      level: 'problem',
      found: `telemetry tables of another program: ${foreign.join(', ')}`,
      advice: FOREIGN_HINT,
    }
  const [ledger] = await opened.query<{ there: number }>(
    "SELECT count() AS there FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'",
  )
  const known = await readMigrations()
  const done =
    ledger?.there === 0
      ? []
      : await opened.query<{ version: number }>(
          'SELECT version FROM schema_migrations FINAL ORDER BY version',
        )
  const [newest, applied] = [known.at(-1)?.version ?? 0, done.at(-1)?.version ?? 0]
  if (applied === newest) return { check, level: 'ok', found: `up to date (${newest})`, advice: '' }
  if (applied > newest)
    return {
      check,
      level: 'problem',
      found: `${applied}; this Postflight knows ${newest}`,
      advice: 'Start the newer Postflight.',
    }
  return {
    check,
    level: 'warning',
    found: `${applied} of ${newest}`,
    advice: 'It is brought up to date at the next start, or now: postflight migrate',
  }
}

async function telemetry(opened: Store, now: number): Promise<Finding[]> {
  const rows = await opened.query<{ service: string; last: number; unknown: number }>(
    `SELECT service, toUnixTimestamp(max(last_time)) AS last, min(version = 'unknown') AS unknown
     FROM version_1h GROUP BY service ORDER BY last DESC LIMIT 20`,
  )
  if (rows.length === 0) {
    return [
      {
        check: 'telemetry',
        level: 'warning',
        found: 'none yet',
        advice: 'Point OTEL_EXPORTER_OTLP_ENDPOINT of a service here.',
      },
    ]
  }
  return rows.map(({ service, last, unknown }): Finding => {
    const check = `telemetry of ${service}`
    const hours = (now / 1000 - last) / HOUR
    const found = `last ${new Date(last * 1000).toISOString().slice(0, 16)}Z`
    if (unknown === 1)
      return {
        check,
        level: 'problem',
        found: 'has no version',
        advice: 'Set OTEL_RESOURCE_ATTRIBUTES=service.version=<version> in that service.',
      }
    if (hours > 1)
      return {
        check,
        level: 'warning',
        found,
        advice: 'Nothing for more than an hour: does it still run and send here?',
      }
    return { check, level: 'ok', found, advice: '' }
  })
}

async function deadLetters(opened: Store): Promise<Finding> {
  const rows = await opened.query<{ code: string; letters: number }>(
    'SELECT code, count() AS letters FROM dead_letter WHERE received_at > now() - INTERVAL 1 DAY GROUP BY code ORDER BY letters DESC',
  )
  const check = 'dead letters of the last day'
  if (rows.length === 0) return { check, level: 'ok', found: 'none', advice: '' }
  const found = rows.map(({ code, letters }) => `${letters} x ${code}`).join(', ')
  return {
    check,
    level: 'warning',
    found,
    advice: 'SELECT * FROM dead_letter ORDER BY received_at DESC LIMIT 10 shows what was wrong with them.',
  }
}

async function answers(url: string): Promise<boolean> {
  return await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    async (response) => response.ok && (await response.text()).includes('ok'),
    () => false,
  )
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer()
    probe.once('error', () => done(false))
    probe.listen(port, host, () => probe.close(() => done(true)))
  })
}
