import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { loadCells } from '../queries/cells.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import type { CellSet } from '../queries/series-set.ts'
import { type CompareSignalsOptions, compareSignals, type SeriesComparison } from './compare-signals.ts'

/** The version that all are put under. */
const ANY_VERSION = ''

export interface TimeAlone {
  readonly service: string
  readonly environment: string
  /** Milliseconds. */
  readonly windows: Readonly<Record<'before' | 'after', { readonly from: number; readonly to: number }>>
  readonly step: number
  /** What is read, and as what it is judged. */
  readonly signals: readonly Signal[]
  readonly histograms: { readonly histograms: false } | { readonly histogramFrom: number }
}

/** Compares a service before and after, all its versions as one: time alone divides them. */
export async function compareByTimeAlone(
  store: Store,
  catalogue: Catalogue,
  of: TimeAlone,
  options: Pick<CompareSignalsOptions, 'alpha' | 'only' | 'calibration' | 'season' | 'past'>,
): Promise<readonly SeriesComparison[]> {
  const { windows, step, signals } = of
  const set = await loadCells(store, catalogue, {
    service: of.service,
    environment: of.environment,
    from: windows.before.from / 1000,
    to: windows.after.to / 1000,
    step,
    signals,
    ...of.histograms,
  })
  const whole = byTimeAlone(set, catalogue)
  const arm = (from: number, to: number) => ({ set: whole, versions: [ANY_VERSION], from, to })
  return compareSignals(
    signals,
    arm(Math.floor(windows.before.from / 1000 / step) * step, windows.before.to / 1000),
    arm(Math.ceil(windows.after.from / 1000 / step) * step, windows.after.to / 1000),
    { design: 'before-after', stepSeconds: step, ...options },
  )
}

/**
 * The cells of all versions as one. A counter that is told only while it is among the top (a statement) is a zero whenever others were told, so
 * that one that a release brings is compared with nothing.
 */
function byTimeAlone(set: CellSet, catalogue: Catalogue): CellSet {
  return new Map(
    [...set].map(([id, dimensions]) => {
      const merged = new Map(
        [...dimensions].map(
          ([dimension, versions]) => [dimension, mergeCells([...versions.values()])] as const,
        ),
      )
      const counter = catalogue.measures.get(id)?.cells === 'counter_1m'
      const times = counter ? new Set([...merged.values()].flat().map(({ time }) => time)) : new Set<number>()
      const filled = [...merged].map(([dimension, cells]) => {
        const known = new Set(cells.map(({ time }) => time))
        const zeros = [...times].filter((time) => !known.has(time)).map((time) => ({ ...ZERO, time }))
        return [dimension, new Map([[ANY_VERSION, mergeCells([cells, zeros])]])] as const
      })
      return [id, new Map(filled)] as const
    }),
  )
}

const ZERO = { count: 1, bad: 0, sum: 0, sumSquares: 0, min: 0, max: 0 }
