import { afterAll, beforeAll, expect, it } from 'vitest'
import { sourceFindings } from '../../deploy/cli/doctor-source.ts'
import { configSchema } from '../../schemas/config.ts'
import { GENERATIONS, makeTables } from './exporter-generations.ts'
import { type Bench, openBench } from './report-fixture.ts'

const generation = GENERATIONS.find(({ name }) => name === 'v0160')
let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench?.close())

it('asks to count the past of tables that have one, and not of those that are empty', async () => {
  if (generation === undefined) throw new Error('no such generation')
  const { store } = bench
  await makeTables(store, generation)
  const config = configSchema.parse({ clickhouse: { source: { database: generation.name } } })
  const uncounted = async () =>
    (await sourceFindings(store, config))
      .filter(({ check, level }) => check.startsWith('your table ') && level === 'warning')
      .map(({ check, advice }) => `${check}: ${advice}`)
  expect(await uncounted()).toEqual([])
  await store.command(
    `INSERT INTO ${generation.name}.otel_logs (Timestamp, ServiceName) VALUES (now() - INTERVAL 1 DAY, 'shop')`,
  )
  expect(await uncounted()).toEqual([
    `your table ${generation.name}.otel_logs: Count it: postflight backfill`,
  ])
})
