import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMonitor } from '../../analytics/monitor/monitor.ts'
import { storeDeployments } from '../../analytics/releases/stored-deployments.ts'
import { startEmbedded } from '../../deploy/embedded/start.ts'
import { configSchema } from '../../schemas/config.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { customSignalSchema } from '../../schemas/signals/custom.ts'
import { openStore } from '../../schemas/store/client.ts'
import { migrate } from '../../schemas/store/migrate.ts'

export interface LookCost {
  readonly services: number
  readonly series: number
  /** CPU seconds of a look that only reads what is new: of this process, of the engine, and both; the median of some. */
  readonly monitorSeconds: number
  readonly engineSeconds: number
  readonly lookSeconds: number
  /** Resident memory of the process of the monitor with everything watched. */
  readonly rssMb: number
}

const DIMENSIONS = 5
/** Minutes before the deployment, and since. */
const BEFORE = 120
const SINCE = 10
const LOOKS = 5
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Forty signals that have cells: 5 measures with dimensions and histograms, the rest gauges with dimensions. */
const GAUGES = Array.from({ length: 34 }, (_, i) => `bench.gauge.${i + 1}`)

/** What one look costs while so many services are watched at once, each with 40 signals in 5 dimensions. */
export async function measureLook(services: number, say: (text: string) => void): Promise<LookCost> {
  const folder = await mkdtemp(join(tmpdir(), 'postflight-bench-'))
  const embedded = await startEmbedded({ dataDir: folder, port: 0, logger: silent })
  const store = openStore({ url: embedded.url })
  const signals = GAUGES.map((id) =>
    customSignalSchema.parse({ id, title: id, metric: id, type: 'gauge', dimension: 'part' }),
  )
  const config = configSchema.parse({ signals })
  const catalogue = buildCatalogue(config.signals)
  try {
    await migrate(store, catalogue, config.retention)
    let now = Math.floor(Date.now() / 60_000) * 60_000
    const start = now - SINCE * 60_000
    const names = Array.from({ length: services }, (_, i) => `service-${i + 1}`)
    await storeDeployments(
      store,
      names.flatMap((service) =>
        (['1.0', '1.1'] as const).map((version) => ({
          id: `${service}-${version}`,
          service,
          environment: 'production',
          version,
          previousVersion: version === '1.1' ? '1.0' : null,
          startedAt: new Date(version === '1.1' ? start : start - 30 * 3_600_000).toISOString(),
          finishedAt: null,
          source: 'api' as const,
          status: 'succeeded' as const,
          attributes: {},
        })),
      ),
      now,
    )
    // By the hour, so that no insert is larger than the engine may hold.
    for (let at = start - BEFORE * 60_000; at < now; at += 600_000)
      await write(store, services, at, Math.min(now, at + 600_000), start)
    say(`${services} services written`)
    const monitor = createMonitor({
      store,
      catalogue,
      config,
      clock: () => now,
      publicUrl: 'http://bench',
      logger: silent,
    })
    for (;;) {
      const { watching, waiting } = await monitor.look()
      say(`${watching} watched, ${waiting} wait`)
      if (watching === services) break
    }
    const costs: { own: number; engine: number }[] = []
    for (let look = 0; look < LOOKS; look++) {
      await write(store, services, now, now + 60_000, start)
      now += 60_000
      const cpu = process.cpuUsage()
      const engine = engineCpu(embedded.pid)
      await monitor.look()
      const used = process.cpuUsage(cpu)
      costs.push({ own: (used.user + used.system) / 1e6, engine: engineCpu(embedded.pid) - engine })
    }
    costs.sort((a, b) => a.own + a.engine - b.own - b.engine)
    const { own, engine } = costs[Math.floor(LOOKS / 2)] as { own: number; engine: number }
    return {
      services,
      series: services * 40 * DIMENSIONS,
      monitorSeconds: own,
      engineSeconds: engine,
      lookSeconds: own + engine,
      rssMb: Math.round(process.memoryUsage().rss / 1e6),
    }
  } finally {
    await store.close()
    await embedded.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

type Writing = ReturnType<typeof openStore>

/** Minutes of every series, computed by the engine itself. @param start milliseconds: from here on it is the new version */
async function write(
  store: Writing,
  services: number,
  from: number,
  to: number,
  start: number,
): Promise<void> {
  const minutes = Math.round((to - from) / 60_000)
  const columns =
    '(time, service, environment, version, instance, measure, dimension, traffic, count, bad, sum, sum_squares, min, max, histogram)'
  const common = `toDateTime({from:UInt32} + 60 * intDiv(number, {services:UInt32})) AS time, concat('service-', toString(1 + number % {services:UInt32})) AS service, 'production' AS environment,
    if(toUnixTimestamp(time) >= {start:UInt32}, '1.1', '1.0') AS version, concat(service, '-1') AS instance`
  const dimension = `arrayJoin(arrayMap(i -> concat('d', toString(i)), range(${DIMENSIONS}))) AS dimension`
  const params = { from: from / 1000, start: start / 1000, services, rows: minutes * services }
  const histogram = `CAST((arrayMap(i -> toInt16(-100 + i), range(20)), arrayMap(i -> toUInt64(greatest(1, count * exp(-pow((i - 10) / 5., 2) / 2.) / 12.5)), range(20))), 'Map(Int16, UInt64)')`
  await store.command(
    `INSERT INTO signal_1m ${columns}
    SELECT ${common}, arrayJoin(['server.request', 'client.request', 'db.query']) AS measure, ${dimension}, 'users' AS traffic,
      toUInt64(200 + rand(1) % 40) AS count, toUInt64(rand(2) % 4) AS bad, count * 0.03, count * 0.001, 0.01, 0.1, ${histogram}
    FROM numbers({rows:UInt64})`,
    params,
  )
  await store.command(
    `INSERT INTO signal_1m ${columns}
    SELECT ${common}, arrayJoin({gauges:Array(String)}) AS measure, ${dimension}, 'users' AS traffic,
      6 AS count, 0 AS bad, 63 + (rand(3) % 100) / 100. AS sum, 662 AS sum_squares, 10 AS min, 11 AS max, map() AS histogram
    FROM numbers({rows:UInt64})`,
    { ...params, gauges: GAUGES },
  )
}

/** CPU seconds of a process so far (Linux). */
function engineCpu(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
