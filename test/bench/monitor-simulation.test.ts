import { describe, expect, it } from 'vitest'
import { DeploymentWatch } from '../../analytics/monitor/deployment-watch.ts'
import { reasonsOf } from '../../analytics/monitor/incident.ts'
import type { WatchedService } from '../../analytics/monitor/watch-evidence.ts'
import type { CellSet } from '../../analytics/queries/series-set.ts'
import { BUILT_IN_SIGNALS } from '../../schemas/signals/signals.ts'
import { blameElsewhere, watchQuiet } from './monitor-simulation.ts'
import { SimulatedTraffic, simulateMinutes, type Trouble } from './monitor-traffic.ts'

const START = 1_800_000_000
const BEFORE = 6 * 3600

function simulated(
  trouble?: Trouble,
  share = 1,
): { traffic: SimulatedTraffic; watch: () => DeploymentWatch } {
  const traffic = new SimulatedTraffic({
    seed: 8,
    service: 's',
    startedAt: START,
    baseline: '1',
    version: '2',
    share,
    ...(trouble === undefined ? {} : { trouble }),
  })
  const before = simulateMinutes(traffic, START - BEFORE, START)
  const own: WatchedService = {
    service: 's',
    relation: 'own',
    signals: BUILT_IN_SIGNALS,
    version: '2',
    baseline: '1',
  }
  const plan = { startedAt: START, minutes: 1440, warmUpMinutes: 5, alpha: 0.001 }
  return { traffic, watch: () => new DeploymentWatch(plan, [own], new Map([['s', before]])) }
}

function look(watch: DeploymentWatch, set: CellSet, from: number, completeTo: number, to: number): void {
  watch.take(new Map([['s', set]]), from, completeTo, to)
}

const ill = (version: string | null): Trouble => ({
  from: START,
  to: START + 7200,
  failures: 6,
  slowness: 1.8,
  version,
})

describe('a watch in simulation', () => {
  it('pages for none of some quiet deployments, and puts incidents elsewhere down to elsewhere (the long form: npm run bench:monitor)', {
    timeout: 120_000,
  }, () => {
    expect(watchQuiet(4, 900, 240).reasons).toEqual([])
    const { right, incidents } = blameElsewhere(8, 700)
    expect(right).toBeGreaterThanOrEqual(incidents * 0.6)
  })

  it('finds failures within minutes, from the first one on, and slowness after the warm-up', () => {
    const { traffic, watch } = simulated(ill('2'))
    const watched = watch()
    let failing = 0
    let slow = 0
    for (let minute = 0; minute < 30; minute++) {
      const time = START + minute * 60
      look(watched, simulateMinutes(traffic, time, time + 60), time, time + 60, time + 60)
      const signals = reasonsOf(watched.evidence(time + 60)).map(({ signal }) => signal)
      if (failing === 0 && signals.includes('errors.server')) failing = minute + 1
      if (slow === 0 && signals.includes('latency.server')) slow = minute + 1
    }
    expect(failing).toBeGreaterThan(0)
    expect(failing).toBeLessThan(8)
    expect(slow).toBeGreaterThan(5)
    expect(slow).toBeLessThan(20)
  })

  it('does not blame a release for what the old version beside it shows too', () => {
    const worst = [ill(null), ill('2')].map((trouble) => {
      const { traffic, watch } = simulated(trouble, 0.5)
      const watched = watch()
      look(watched, simulateMinutes(traffic, START, START + 1800), START, START + 1800, START + 1800)
      return watched.evidence(START + 1800).crossed
    })
    expect(worst).toEqual([false, true])
  })

  it('says the same of the same cells however they were divided among looks, and whether minutes were partial in between', () => {
    const { traffic, watch } = simulated(ill('2'))
    const whole = simulateMinutes(traffic, START, START + 1200)
    const cut = (from: number, to: number): CellSet =>
      new Map(
        [...whole].map(([measure, dimensions]) => [
          measure,
          new Map(
            [...dimensions].map(([dimension, versions]) => [
              dimension,
              new Map(
                [...versions].map(([version, cells]) => [
                  version,
                  cells.filter(({ time }) => time >= from && time < to),
                ]),
              ),
            ]),
          ),
        ]),
      )
    const once = watch()
    look(once, whole, START, START + 1200, START + 1200)
    const often = watch()
    let from = START
    for (const [completeTo, to] of [
      [START, START + 60],
      [START + 60, START + 240],
      [START + 60, START + 240],
      [START + 600, START + 780],
      [START + 1200, START + 1200],
    ] as const) {
      look(often, cut(from, to), from, completeTo, to)
      from = completeTo
    }
    const [a, b] = [once.evidence(START + 1200), often.evidence(START + 1200)]
    expect(b.logE).toBeCloseTo(a.logE, 9)
    expect(b.requests).toBe(a.requests)
    expect(b.signals.map(({ signal, dimension, events }) => [signal, dimension, events])).toEqual(
      a.signals.map(({ signal, dimension, events }) => [signal, dimension, events]),
    )
  })
})
