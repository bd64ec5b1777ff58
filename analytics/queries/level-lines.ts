import type { Signal } from '../../schemas/signals/signal.ts'
import { LEVELS, type LevelSet, type Levels } from './levels.ts'
import { spansOf, unsampledOf } from './one-source.ts'
import { partsByDimension, versionsOf } from './signal-lines.ts'

/** A signal's levels as ratios of two sums, an entry for each slot of the span. */
export interface LevelLine {
  /** Means of a gauge's samples, requests (those that a sampler left out counted too), or sums of values' logarithms. */
  readonly numerator: Float64Array
  /** 1, minutes, or values; 0 where nothing was seen. */
  readonly denominator: Float64Array
}

/**
 * What signalLines and exposureLine give, of levels: by dimension, added up over the versions.
 * Under '' the service as a whole; not of distributions that are broken down, whose whole has a composition of its own (compare/standard-past.ts).
 * @param of.slots of the span @param of.step seconds that one spans
 */
export function levelLines(
  set: LevelSet,
  signal: Signal,
  of: { readonly slots: number; readonly step: number },
): ReadonlyMap<string, LevelLine> {
  const versions = versionsOf(set, signal)
  const parts = partsByDimension(set, signal, versions, LEVELS)
  const all = new Map<string, readonly Levels[]>(parts)
  if (parts.size > 0 && signal.kind !== 'distribution') all.set('', [...parts.values()].flat())
  const minutes = signal.kind === 'rate' ? requestMinutes(set, signal, versions, of) : undefined
  return new Map(
    [...all].map(([dimension, levels]) => {
      const counts = spread(levels, ({ counts }) => counts, of.slots)
      if (signal.kind === 'distribution')
        return [dimension, { numerator: spread(levels, ({ logs }) => logs, of.slots), denominator: counts }]
      if (minutes !== undefined)
        return [
          dimension,
          {
            numerator: counts.map((count, slot) => count * (minutes.weights[slot] as number)),
            denominator: minutes.seen,
          },
        ]
      return [
        dimension,
        meansOf(
          spread(levels, ({ sums }) => sums, of.slots),
          counts,
        ),
      ]
    }),
  )
}

/** Every slot weighs the same, however many samples it has. */
function meansOf(sums: Float64Array, counts: Float64Array): LevelLine {
  return {
    numerator: sums.map((sum, slot) => (counts[slot] === 0 ? 0 : sum / (counts[slot] as number))),
    denominator: counts.map((count) => (count === 0 ? 0 : 1)),
  }
}

/** The minutes of each slot in which requests were seen at all, and how many requests one that was seen stands for: more than itself where spans are a sample with weights. */
function requestMinutes(
  set: LevelSet,
  signal: Signal,
  versions: readonly string[],
  { slots, step }: { readonly slots: number; readonly step: number },
): { readonly seen: Float64Array; readonly weights: Float64Array } {
  const id = signal.measures[0] as string
  const all = (measure: string, version: string): readonly Levels[] =>
    [...(set.get(measure)?.values() ?? [])].flatMap((byVersion) => byVersion.get(version) ?? [])
  const spans = new Map(versions.map((version) => [version, all(spansOf(id), version)]))
  const seen = versions.flatMap((version) => {
    const own = spans.get(version) ?? []
    return signal.ofSpans === true && own.length > 0 ? own : all(id, version)
  })
  // Where a metric counts the requests, it counts all of them.
  const bySpans = versions.filter((version) => spans.get(version)?.length === 0)
  const missing = spread(
    bySpans.flatMap((version) => all(unsampledOf(id), version)),
    ({ sums }) => sums,
    slots,
  )
  const counted = spread(
    versions.flatMap((version) => all(id, version)),
    ({ counts }) => counts,
    slots,
  )
  return {
    seen: spread(seen, ({ counts }) => counts, slots).map((count) => (count > 0 ? step / 60 : 0)),
    weights: counted.map((count, slot) => (count > 0 ? 1 + (missing[slot] as number) / count : 1)),
  }
}

function spread(
  parts: readonly Levels[],
  values: (levels: Levels) => Float64Array,
  slots: number,
): Float64Array {
  const line = new Float64Array(slots)
  for (const part of parts) {
    const own = values(part)
    for (let i = 0; i < own.length; i++) {
      const slot = part.slots[i] as number
      line[slot] = (line[slot] as number) + (own[i] as number)
    }
  }
  return line
}
