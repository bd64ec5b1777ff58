import { PostflightError } from '../errors.ts'
import { type CustomSignal, customMeasures, customSignal } from './custom.ts'
import type { Measure } from './measure.ts'
import { builtInMeasures } from './measures.ts'
import type { Signal } from './signal.ts'
import { BUILT_IN_SIGNALS } from './signals.ts'
import { TRAFFIC_RULES, type TrafficRule } from './traffic.ts'

/** Everything that is measured and judged: views, analysis plan, panels, pages and documentation come from here. */
export interface Catalogue {
  readonly signals: readonly Signal[]
  readonly measures: ReadonlyMap<string, Measure>
  /** @throws PostflightError SIGNAL_NOT_FOUND */
  signal(id: string): Signal
}

/**
 * The built-in signals and the user's own.
 * @throws PostflightError SIGNAL_INVALID on a repeated id or an unknown measure
 */
export function buildCatalogue(
  custom: readonly CustomSignal[] = [],
  trafficRules: readonly TrafficRule[] = [],
): Catalogue {
  // Users' rules come first: theirs may correct the built-in ones.
  const measureList = [
    ...builtInMeasures([...trafficRules, ...TRAFFIC_RULES]),
    ...custom.flatMap(customMeasures),
  ]
  const measures = new Map(measureList.map((measure) => [measure.id, measure]))
  const signals = new Map<string, Signal>()
  for (const signal of [...BUILT_IN_SIGNALS, ...custom.map(customSignal)]) {
    if (signals.has(signal.id))
      throw invalid(signal.id, 'is declared twice', 'Give the signal in your configuration another id.')
    for (const id of [
      ...signal.measures,
      ...(signal.per === undefined || signal.per === 'minute' ? [] : [signal.per]),
    ]) {
      if (!measures.has(id))
        throw invalid(
          signal.id,
          `reads the unknown measure ${id}`,
          'schemas/signals/measures.ts lists the measures.',
        )
    }
    const ofSpans = signal.measures.some((id) => measures.get(id)?.source === 'otel_traces')
    signals.set(signal.id, {
      ...signal,
      measures: withOlderNames(signal.measures, measureList),
      ...(ofSpans ? { ofSpans } : {}),
    })
  }
  return {
    signals: [...signals.values()],
    measures,
    signal(id) {
      const signal = signals.get(id)
      if (signal === undefined) {
        throw new PostflightError('SIGNAL_NOT_FOUND', `There is no signal ${id}.`, {
          hint: 'GET /api/v1/signals lists the catalogue.',
        })
      }
      return signal
    },
  }
}

/** The measures, and after all of them those of their metrics' older names. */
function withOlderNames(ids: Signal['measures'], measures: readonly Measure[]): Signal['measures'] {
  const older = measures.filter(({ olderNameOf }) => olderNameOf !== undefined && ids.includes(olderNameOf))
  return [...ids, ...older.map(({ id }) => id)]
}

function invalid(id: string, what: string, hint: string): PostflightError {
  return new PostflightError('SIGNAL_INVALID', `Signal ${id} ${what}.`, { hint, details: { signal: id } })
}
