import { expect, it } from 'vitest'
import type { Cell } from '../../schemas/cell.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import { seededRandom } from '../stats/random.ts'
import { unsampledOf } from './one-source.ts'
import { exposureLine, signalLines } from './signal-lines.ts'

const REQUESTS = buildCatalogue().signal('traffic.requests')
const MINUTES = 4000

it.each([
  ['all kept', [1]],
  ['one in ten', [0.1]],
  ['failures kept, one in twenty of the rest', [1, 0.05]],
  ['rules of many rates', [1, 0.5, 0.1, 0.02]],
] as const)(
  'of sampled requests a minute has their rate and no more certainty than they give: %s',
  (_, kept) => {
    const random = seededRandom(7)
    const [spans, missing]: [Cell[], Cell[]] = [[], []]
    for (let minute = 0; minute < MINUTES; minute++) {
      const [all, beyond] = [[] as number[], [] as number[]]
      for (const probability of kept) {
        for (let request = poisson(600 / kept.length, random); request > 0; request--) {
          if (random() >= probability) continue
          all.push(1)
          beyond.push(1 / probability - 1)
        }
      }
      const time = minute * 60
      spans.push(cell(time, all))
      if (beyond.some((weight) => weight > 0))
        missing.push(
          cell(
            time,
            beyond.filter((weight) => weight > 0),
          ),
        )
    }
    const set = new Map([
      ['server.request', new Map([['GET /', new Map([['1.0', spans]])]])],
      [unsampledOf('server.request'), new Map([['', new Map([['1.0', missing]])]])],
    ])
    const line = signalLines(set, REQUESTS, ['1.0']).get('') ?? []
    const exposure = exposureLine(set, REQUESTS, ['1.0'], 60)
    const rates = line.map(({ count }, at) => count / (exposure[at]?.count ?? Number.NaN))
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / MINUTES
    const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / (MINUTES - 1)
    // Four standard errors of the mean, and of a variance of nearly normal values.
    expect(Math.abs(mean - 600)).toBeLessThan(4 * Math.sqrt(variance / MINUTES))
    const claimed = line.reduce((sum, { count }) => sum + 1 / count, 0) / MINUTES
    expect(variance / mean ** 2 / claimed).toBeGreaterThan(1 - 4 * Math.sqrt(2 / MINUTES))
    expect(variance / mean ** 2 / claimed).toBeLessThan(1 + 4 * Math.sqrt(2 / MINUTES))
  },
)

function cell(time: number, values: readonly number[]): Cell {
  const sum = values.reduce((total, value) => total + value, 0)
  const sumSquares = values.reduce((total, value) => total + value ** 2, 0)
  return { time, count: values.length, bad: 0, sum, sumSquares, min: 0, max: 0 }
}

/** By the times between events (Knuth 1969, section 3.4.1). */
function poisson(mean: number, random: () => number): number {
  const wait = () => -Math.log(1 - random())
  let count = 0
  for (let at = wait(); at < mean; at += wait()) count++
  return count
}
