import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { type CellSet, loadCells } from '../queries/cells.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import { signalLines } from '../queries/signal-lines.ts'
import { between } from './arms.ts'
import type { Starts } from './compare-signals.ts'

/** Earlier starts that are read: enough to see how much starts differ. */
const MOST_STARTS = 8

/**
 * How signals that may leak went after this start and after earlier ones of the same service.
 * @param set cells that reach back to the deployment's own start
 * @param siblings the other deployments of the service and environment, oldest first
 * @param span milliseconds: from the start to the end of the window after
 */
export async function loadStarts(
  store: Store,
  catalogue: Catalogue,
  set: CellSet,
  deployment: Deployment,
  siblings: readonly Deployment[],
  span: { readonly from: number; readonly to: number },
): Promise<(signal: Signal, dimension: string) => Starts> {
  const signals = catalogue.signals.filter(
    (signal) => signal.growth === true && signal.measures.some((measure) => set.has(measure)),
  )
  const length = span.to - span.from
  const ordered = [...siblings, deployment].sort((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt))
  const starts = ordered
    .filter((other) => other.id !== deployment.id && Date.parse(other.startedAt) < span.from)
    .slice(-MOST_STARTS)
    .map((other) => {
      const next = ordered.find((later) => Date.parse(later.startedAt) > Date.parse(other.startedAt))
      const from = Date.parse(other.startedAt)
      const to = Math.min(
        from + length,
        next === undefined ? Number.POSITIVE_INFINITY : Date.parse(next.startedAt),
      )
      return { version: other.version, from: from / 1000, to: to / 1000 }
    })
  const sets =
    signals.length === 0
      ? []
      : await Promise.all(
          starts.map((start) =>
            loadCells(store, catalogue, {
              service: deployment.service,
              environment: deployment.environment,
              from: start.from,
              to: start.to,
              signals,
              histograms: false,
            }),
          ),
        )
  const cellsOf = (of: CellSet, signal: Signal, dimension: string, version: string) => {
    const lines = signalLines(of, signal, [version])
    return dimension === '' ? mergeCells([...lines.values()]) : (lines.get(dimension) ?? [])
  }
  return (signal, dimension) => ({
    after: {
      start: span.from / 1000,
      cells: between(
        cellsOf(set, signal, dimension, deployment.version),
        Math.floor(span.from / 60_000) * 60,
        span.to / 1000,
      ),
    },
    earlier: starts.flatMap((start, at) => {
      const own = sets[at]
      return own === undefined
        ? []
        : [{ start: start.from, cells: cellsOf(own, signal, dimension, start.version) }]
    }),
  })
}
