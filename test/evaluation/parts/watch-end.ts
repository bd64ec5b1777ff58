/**
 * Part C, the end of a watch: how often the product says of a series that it is shown not to be twice as bad, where nothing has changed and where it is just twice as bad. The end is
 * set before, so the promise is one look's: at most 5 % of the latter.
 */
import { cell, Traffic } from '../made-traffic.ts'
import {
  addMinute,
  DAY,
  type Line,
  line,
  MINUTES,
  requestsFor,
  SMALLEST,
  START,
  Watched,
  type World,
} from './watched-series.ts'

interface EndingWorld extends Pick<World, 'design' | 'shape' | 'rate'> {
  /** Length of the watch. */
  readonly minutes: number
}

export interface WatchEnd extends EndingWorld {
  readonly runs: number
  /** Share of runs that end sound, and of those that were so at all looks together, by how much worse the new version is. */
  readonly unchanged: { readonly sound: number; readonly atAllLooks: number }
  readonly doubled: { readonly sound: number; readonly atAllLooks: number }
}

const WORLDS: readonly EndingWorld[] = [
  { design: 'side-by-side', shape: 'poisson', rate: 0.1, minutes: 1440 },
  ...(['poisson', 'bursty', 'troubled', 'uneven'] as const).map(
    (shape) => ({ design: 'side-by-side', shape, rate: 1, minutes: 60 }) as const,
  ),
  { design: 'before-after', shape: 'poisson', rate: 0.1, minutes: 1440 },
  { design: 'before-after', shape: 'seasonal', rate: 1, minutes: 1440 },
  ...(['poisson', 'bursty', 'drifting', 'troubled', 'seasonal'] as const).map(
    (shape) => ({ design: 'before-after', shape, rate: 1, minutes: 60 }) as const,
  ),
]

export function watchEnds(runs: number, seed: number): WatchEnd[] {
  return WORLDS.map((world, w) => {
    const shares = (ratio: number) => {
      let sound = 0
      let atAllLooks = 0
      for (let run = 0; run < runs; run++) {
        const end = endOf(
          { kind: 'rate', days: 1, ...world },
          world.minutes,
          ratio,
          seed + 100 * w + 7919 * run,
        )
        if (end.sound) sound += 1
        if (end.atAllLooks) atAllLooks += 1
      }
      return { sound: sound / runs, atAllLooks: atAllLooks / runs }
    }
    return { ...world, runs, unchanged: shares(1), doubled: shares(2) }
  })
}

/** What the product says of one series at the end of a watch in which the new version has `ratio` times the events. */
function endOf(
  world: World,
  minutes: number,
  ratio: number,
  seed: number,
): { readonly sound: boolean; readonly atAllLooks: boolean } {
  const traffic = new Traffic(world.shape, seed)
  const watch = new Watched(
    world,
    line(world, traffic, START - world.days * DAY, world.days * MINUTES, 0),
    SMALLEST,
  )
  const after: Line = { cells: [], exposure: [] }
  const beside: Line = { cells: [], exposure: [] }
  for (let minute = 0; minute < minutes; minute++) {
    const time = START + 60 * minute
    after.cells.push(cell(time, { count: traffic.events(world.rate * ratio, 0) }))
    after.exposure.push(cell(time, { count: requestsFor(world.rate) * traffic.traffic }))
    if (world.design === 'side-by-side') addMinute(world, traffic, time, 1, beside)
    traffic.next()
  }
  return watch.end(after, beside, START + 60 * minutes)
}

export function sectionOfEnds(ends: readonly WatchEnd[]): string[] {
  const percent = (x: number): string => `${(100 * x).toFixed(1)} %`
  return [
    `The end of a watch, which is set before: share of ${ends[0]?.runs} runs in which a rate is shown not to be twice as bad (*sound*, promised where it is just twice as bad: at most 5 %), and by intervals that hold at all looks together (*always*):`,
    '',
    '| design | shape | events a minute | minutes | unchanged: sound | always | twice as bad: sound | always |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...ends.map(
      ({ design, shape, rate, minutes, unchanged, doubled }) =>
        `| ${design} | ${shape} | ${rate} | ${minutes} | ${[unchanged, doubled].flatMap(({ sound, atAllLooks }) => [percent(sound), percent(atAllLooks)]).join(' | ')} |`,
    ),
  ]
}
