import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { normalDraw } from '../../analytics/stats/normal-draw.ts'
import { seededRandom } from '../../analytics/stats/random.ts'
import { run as falseAlarms, type Rate } from './parts/false-alarms.ts'
import { run as power } from './parts/power.ts'
import { run as realLevels } from './parts/real-levels.ts'
import { WINDOWS } from './placebo-moments.ts'

/** Short forms of parts A and B over made series in the folders' format: limits are wide, the long forms have the figures. */
let folder: string

const OPTIONS = { quick: true, seed: 5, progress: () => {} }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'made-series-'))
  const random = seededRandom(77)
  const normal = (): number => normalDraw(random)
  const shapes: ((i: number) => number)[] = [
    // Noise; a season of the day; counts with zeros; level shifts; spikes.
    () => 100 + 2 * normal(),
    (i) => 50 * Math.exp(0.5 * Math.sin((2 * Math.PI * i) / 288) + 0.05 * normal()),
    () => Math.max(0, Math.round(0.7 + normal())),
    (i) => (Math.floor(i / 700) % 2 === 0 ? 10 : 12) + 0.2 * normal(),
    () => 5 + 0.1 * normal() + (random() < 0.02 ? 100 * random() : 0),
    (i) => 20 + 3 * Math.sin(i / 50) + normal(),
  ]
  const manifest: object[] = []
  const labels: Record<string, object> = {}
  for (const [at, shape] of shapes.entries()) {
    const rows = Array.from({ length: 2600 }, (_, i) => {
      // Some rows are missing, some come twice and out of order.
      const time = new Date(Date.UTC(2026, 0, 5) + (i % 97 === 0 ? i - 1 : i) * 300_000).toISOString()
      return `${time},${i % 61 === 0 ? '' : shape(i)}`
    })
    const name = `made-${at}.csv`
    await writeFile(join(folder, name), `timestamp,value\n${rows.join('\n')}\n`)
    manifest.push({ path: name, source: 'made', step_seconds: 300, points: rows.length })
    labels[name] = { index_windows: [[1000, 1050]] }
  }
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  await writeFile(join(folder, 'labels.json'), JSON.stringify(labels))
})

afterAll(() => rm(folder, { recursive: true }))

test('part A: ours keeps its 1 % where tests of independent points do not', {
  timeout: 300_000,
}, async () => {
  const { json, section } = await falseAlarms({ ...OPTIONS, data: folder })
  const rates = json['falseAlarms'] as Record<string, Record<string, Rate>>
  for (const { name } of WINDOWS) {
    const rate = rates['postflight']?.[name] as Rate
    // 150 moments at 1 %: more than 5 has a probability below 1 in 200, were they independent.
    expect(rate.n).toBeGreaterThanOrEqual(150)
    expect(rate.rate).toBeLessThanOrEqual(5 / 150)
    expect(rate.upper95).toBeGreaterThanOrEqual(rate.rate)
  }
  expect(rates['welch']?.['6 h']?.rate).toBeGreaterThan(0.1)
  expect(rates['repeated-looking']?.['6 h']?.rate).toBeGreaterThan(rates['welch']?.['6 h']?.rate ?? 1)
  expect(section).toContain('| postflight | 30 min |')
  const beside = rates['postflight']?.['side by side, simulated, 30 min']
  // Eight services of four signals: four alarms at 1 % have a probability below 1 in 1,000.
  expect(beside?.n).toBe(32)
  expect(beside?.rate).toBeLessThanOrEqual(3 / 32)
})

test('part B: at equal false alarms ours finds more than a plain rank, and hardly anybody significantly more than ours', {
  timeout: 300_000,
}, async () => {
  const { json, files } = await power({ ...OPTIONS, data: folder })
  const averages = json['powerAverages'] as Record<string, number>
  // Some hundred moments of made series: a wide limit. The long form over real series has 27.7 against 16.6 %.
  expect(averages['postflight']).toBeGreaterThan((averages['plain-placebo'] ?? 1) + 0.01)
  // On such steady series a rank-sum test is as good; on real ones it finds 4.5 %.
  expect(averages['postflight']).toBeGreaterThan((averages['kayenta'] ?? 1) - 0.03)
  expect((json['powerCells'] as { significantlyBelow: number }).significantlyBelow).toBeLessThan(5)
  expect(files?.['power-made.svg']).toContain('one route of ten')
  expect(files?.['power.svg']).toMatch(/^<svg[\s\S]*postflight[\s\S]*<\/svg>\n$/)
})

test('part H: shares and latencies that wander as series do keep their 1 % too, and doublings are found', {
  timeout: 300_000,
}, async () => {
  const { json } = await realLevels({ ...OPTIONS, data: folder })
  const rows = json['realLevels'] as {
    method: string
    n: number
    nominal: Record<string, number>
    power: number[]
  }[]
  const ours = rows.filter(({ method }) => method === 'postflight')
  // Two kinds, three windows.
  expect(ours).toHaveLength(6)
  for (const row of ours) {
    // 100 moments at 1 %: more than 5 has a probability below 1 in 1,000, were they independent.
    expect(row.n).toBeGreaterThanOrEqual(100)
    expect(row.nominal['0.01']).toBeLessThanOrEqual(0.05)
    expect(row.nominal['0.00005']).toBe(0)
    expect(row.power[3]).toBeGreaterThan(0.3)
  }
  const forecast = rows.filter(({ method }) => method === 'postflight, six weeks known')
  expect(forecast).toHaveLength(3)
  for (const row of forecast) {
    expect(row.nominal['0.01']).toBeLessThanOrEqual(0.05)
    expect(row.nominal['0.00005']).toBe(0)
    expect(row.power[3]).toBeGreaterThan(0.3)
  }
})
