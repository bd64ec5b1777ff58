import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import { type Arithmetic, CELLS, type CellSet, type MutableSeriesSet, putSeries } from './series-set.ts'

/** A measure, and those that count its events by other means, in the order in which they are preferred. */
export type Alternatives = ReadonlyMap<string, readonly string[]>

export function alternativesOf(catalogue: Catalogue, measures: readonly string[]): Alternatives {
  const found = new Map<string, string[]>()
  for (const { id, insteadOf } of catalogue.measures.values()) {
    if (insteadOf === undefined || !measures.includes(insteadOf)) continue
    found.set(insteadOf, [...(found.get(insteadOf) ?? []), id])
  }
  return found
}

/** Spans of which a metric counts half as many again are a sample that left no weight. */
const EVIDENTLY_MORE = 1.5

/** Where the spans of a measure are kept when its events are read from another source. */
export function spansOf(measure: string): string {
  return `${measure}.spans`
}

/** Where what a sampler left out of a measure is kept. */
export function unsampledOf(measure: string): string {
  return `${measure}.unsampled`
}

/**
 * Puts one source of each measure's events under the measure's own name. The rule: the first of spans, then duration metrics, that every version of the window
 * has, so that versions are compared by the same means; spans that are evidently a sample without weights (tail sampling keeps errors and slow requests) come
 * last. Where no source is common, for each version the first that it has. Never two of them together.
 */
export function readOneSource<Series>(
  set: MutableSeriesSet<Series>,
  alternatives: Alternatives,
  { count, sum }: Arithmetic<Series>,
): void {
  for (const [measure, others] of alternatives) {
    const sources = [measure, ...others].map((id) => ({ id, events: byVersion(set.get(id), count) }))
    const versions = new Set(sources.flatMap(({ events }) => [...events.keys()]))
    const weights = byVersion(set.get(unsampledOf(measure)), sum)
    const [spans, ...metrics] = sources
    const sampled = [...(spans?.events ?? [])].some(([version, seen]) =>
      metrics.some(
        ({ events }) => (events.get(version) ?? 0) > EVIDENTLY_MORE * (seen + (weights.get(version) ?? 0)),
      ),
    )
    const ordered = spans === undefined ? [] : sampled ? [...metrics, spans] : sources
    const common = ordered.find(({ events }) => events.size === versions.size)
    for (const version of versions) {
      const chosen = common ?? ordered.find(({ events }) => events.has(version))
      if (chosen !== undefined && chosen.id !== measure) take(set, chosen.id, measure, version)
    }
  }
}

/** How many requests a span of each version stands for, by metrics or else by weights; 1: as far as is known, it is no sample. */
export function requestsPerSpan(set: CellSet, measure: string, alternatives: Alternatives, version: string) {
  const spans = byVersion(set.get(spansOf(measure)) ?? set.get(measure), CELLS.count).get(version) ?? 0
  if (spans === 0) return { byWeight: 1, byMetric: 1 }
  const missing = byVersion(set.get(unsampledOf(measure)), CELLS.sum).get(version) ?? 0
  const metric = Math.max(
    0,
    ...(alternatives.get(measure) ?? []).map((id) => byVersion(set.get(id), CELLS.count).get(version) ?? 0),
  )
  return { byWeight: 1 + missing / spans, byMetric: Math.max(1, metric / spans) }
}

/** What counts a version's events of a measure, if it is not the measure itself. */
export function countedInstead(
  set: CellSet,
  alternatives: Alternatives,
  measure: string,
  version: string,
): string | undefined {
  const own = set.get(measure)
  return alternatives.get(measure)?.find((id) =>
    [...(set.get(id) ?? [])].some(([dimension, versions]) => {
      const cells = versions.get(version)
      return cells !== undefined && own?.get(dimension)?.get(version) === cells
    }),
  )
}

function byVersion<Series>(
  dimensions: ReadonlyMap<string, ReadonlyMap<string, Series>> | undefined,
  value: (series: Series) => number,
): Map<string, number> {
  const totals = new Map<string, number>()
  for (const versions of dimensions?.values() ?? []) {
    for (const [version, series] of versions) {
      const total = value(series)
      if (total > 0) totals.set(version, (totals.get(version) ?? 0) + total)
    }
  }
  return totals
}

function take<Series>(set: MutableSeriesSet<Series>, from: string, to: string, version: string): void {
  const kept = spansOf(to)
  for (const [dimension, versions] of set.get(to) ?? []) {
    const series = versions.get(version)
    if (series === undefined) continue
    putSeries(set, { measure: kept, dimension, version }, series)
    versions.delete(version)
  }
  for (const [dimension, versions] of set.get(from) ?? []) {
    const series = versions.get(version)
    if (series !== undefined) putSeries(set, { measure: to, dimension, version }, series)
  }
  for (const [dimension, versions] of set.get(to) ?? [])
    if (versions.size === 0) set.get(to)?.delete(dimension)
}
