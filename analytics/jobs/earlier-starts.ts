import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { loadCells } from '../queries/cells.ts'
import { mergeCells } from '../queries/merge-cells.ts'
import type { CellSet } from '../queries/series-set.ts'
import { signalLines } from '../queries/signal-lines.ts'
import { between } from './arms.ts'
import type { Starts } from './compare-signals.ts'

/** Earlier starts that are read: enough to see how much starts differ. */
const MOST_STARTS = 8
/** Windows of the time before that stand for how a gauge moves by itself. */
const MOST_WINDOWS = 12
/** Milliseconds after its start from which on a process counts as settled. */
const SETTLED = 30 * 60_000

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
      return { id: other.id, version: other.version, from: from / 1000, to: to / 1000 }
    })
  const leaks = await knownLeaks(
    store,
    deployment,
    signals.map((signal) => signal.id),
  )
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
  const windows = steadyWindows(length, span.from, starts.at(-1)?.from)
  const baseline = starts.at(-1)?.version ?? deployment.previousVersion
  return (signal, dimension) => {
    const leaked = (id: string) => leaks.has(keyOf(id, signal.id, dimension))
    const earlier = starts.flatMap((start, at) => {
      const own = sets[at]
      return own === undefined
        ? []
        : [{ id: start.id, start: start.from, cells: cellsOf(own, signal, dimension, start.version) }]
    })
    const last = earlier.at(-1)
    const before = baseline === null ? [] : cellsOf(set, signal, dimension, baseline)
    return {
      after: {
        start: span.from / 1000,
        cells: between(
          cellsOf(set, signal, dimension, deployment.version),
          Math.floor(span.from / 60_000) * 60,
          span.to / 1000,
        ),
      },
      earlier: earlier.filter(({ id }) => !leaked(id)),
      ...(last !== undefined && leaked(last.id) ? { previous: last } : {}),
      steady: windows.map((window) => ({
        start: window.from,
        cells: between(before, window.from, window.to),
      })),
    }
  }
}

/** Windows (seconds) of one length from the life of the version before, newest first, long after its own start. */
function steadyWindows(
  length: number,
  until: number,
  started: number | undefined,
): readonly { readonly from: number; readonly to: number }[] {
  if (length <= 0) return []
  const windows: { from: number; to: number }[] = []
  const first = started === undefined ? Number.NEGATIVE_INFINITY : started * 1000 + SETTLED
  for (let to = until; windows.length < MOST_WINDOWS && to - length >= first; to -= length) {
    windows.push({ from: (to - length) / 1000, to: to / 1000 })
  }
  return windows
}

/** Releases whose reports found that they leak: no examples of how a start usually goes. */
async function knownLeaks(
  store: Store,
  of: { readonly service: string; readonly environment: string },
  signals: readonly string[],
): Promise<ReadonlySet<string>> {
  if (signals.length === 0) return new Set()
  const rows = await store.query<{ id: string; signal: string; dimension: string }>(
    `SELECT deployment_id AS id, signal, dimension FROM verdicts FINAL
    WHERE service = {service:String} AND environment = {environment:String}
      AND has({signals:Array(String)}, signal) AND word = 'regressed'`,
    { service: of.service, environment: of.environment, signals },
  )
  return new Set(rows.map((row) => keyOf(row.id, row.signal, row.dimension)))
}

function keyOf(id: string, signal: string, dimension: string): string {
  return JSON.stringify([id, signal, dimension])
}
