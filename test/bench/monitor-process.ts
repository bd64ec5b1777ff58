import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type Store } from '../../schemas/store/client.ts'
import { SupervisedCommand } from '../fault/process.ts'
import { freePorts } from '../peers/free-port.ts'

export interface PostflightProcess {
  readonly command: SupervisedCommand
  readonly apiUrl: string
  readonly otlpUrl: string
  readonly store: Store
  stop(): Promise<void>
}

/** Names of gauges of users' own, so many that with the built-in signals which the load has, 40 are watched. */
export const GAUGES: readonly string[] = Array.from({ length: 32 }, (_, i) => `bench.gauge.${i + 1}`)

/** Postflight as a process of its own on ports of its own, started again whenever it ends, which tells an Alertmanager. */
export async function startProcess(alertmanagerUrl: string): Promise<PostflightProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-bench-'))
  const [api, otlp, store] = (await freePorts(3)) as [number, number, number]
  const config = join(folder, 'postflight.yaml')
  const signals = GAUGES.map((name) => `  - { id: ${name}, title: ${name}, metric: ${name}, type: gauge }`)
  await writeFile(
    config,
    `alerts: { alertmanagers: ['${alertmanagerUrl}'] }\nsignals:\n${signals.join('\n')}\n`,
  )
  const command = new SupervisedCommand('postflight', [
    'up',
    ...['--config', config],
    ...['--dataDir', join(folder, 'data')],
    ...[
      '--api.port',
      `${api}`,
      '--otlp.port',
      `${otlp}`,
      '--otlp.grpcPort',
      '0',
      '--clickhouse.port',
      `${store}`,
    ],
  ])
  command.start()
  await command.recover()
  const client = openStore({ url: `http://127.0.0.1:${store}` })
  return {
    command,
    apiUrl: `http://127.0.0.1:${api}`,
    otlpUrl: `http://127.0.0.1:${otlp}`,
    store: client,
    stop: async () => {
      await client.close()
      await command.stop()
      // The engine of a process that was killed may still be writing.
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 })
    },
  }
}

/** Two hours before now, as the rollups would have them of the same load. */
export async function writePast(
  store: Store,
  services: readonly string[],
  perSecond: number,
  failures: number,
): Promise<void> {
  const now = Math.floor(Date.now() / 60_000) * 60
  const rows = `arrayJoin({services:Array(String)}) AS service, 'production' AS environment, '1.0' AS version, concat(service, '-1') AS instance`
  const minutes = `(SELECT toDateTime({now:UInt32} - 60 * number) AS time FROM numbers(1, 120))`
  await store.command(
    `INSERT INTO signal_1m (time, service, environment, version, instance, measure, dimension, traffic, count, bad, sum, sum_squares, min, max, histogram)
    SELECT time, ${rows}, 'server.request' AS measure, arrayJoin(['GET /cart', 'POST /pay', 'GET /orders/{id}']) AS dimension, 'users' AS traffic,
      toUInt64({perMinute:Float64} / 3 + (rand(1) % 21) - 10) AS count, toUInt64(greatest(0, count * {failures:Float64} + (rand(2) % 11) / 2. - 2.5)) AS bad,
      count * 0.03, count * 0.001, 0.01, 0.1,
      CAST((arrayMap(i -> toInt16(-100 + i), range(30)), arrayMap(i -> toUInt64(greatest(0, count * exp(-pow((i - 15) / 7., 2) / 2.) / 17.5)), range(30))), 'Map(Int16, UInt64)')
    FROM ${minutes} SETTINGS async_insert = 0`,
    { services, now, perMinute: perSecond * 60, failures },
  )
  await store.command(
    `INSERT INTO signal_1m (time, service, environment, version, instance, measure, dimension, traffic, count, bad, sum, sum_squares, min, max, histogram)
    SELECT time, ${rows}, arrayJoin({gauges:Array(String)}) AS measure, '' AS dimension, 'users' AS traffic,
      6 AS count, 0 AS bad, 63 + (rand(3) % 100) / 100. AS sum, 662 AS sum_squares, 10 AS min, 11 AS max, map() AS histogram
    FROM ${minutes}`,
    { services, now, gauges: GAUGES },
  )
}

/** Tells of a deployment. @throws Error with the answer if it is not taken */
export async function tellDeployment(apiUrl: string, told: object): Promise<void> {
  const answer = await fetch(`${apiUrl}/api/v1/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ environment: 'production', ...told }),
  })
  if (!answer.ok) throw new Error(`POST /api/v1/deployments: ${answer.status} ${await answer.text()}`)
}
