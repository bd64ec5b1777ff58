import type { Cell } from '../../schemas/cell.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'

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

type MutableSet = Map<string, Map<string, Map<string, Cell[]>>>

/**
 * Puts one source of each measure's events under the measure's own name. The rule: the first of spans, then duration metrics, that every version of the window
 * has, so that versions are compared by the same means; where none has that, for each version the first that it has. Never two of them together.
 */
export function readOneSource(set: MutableSet, alternatives: Alternatives): void {
  for (const [measure, others] of alternatives) {
    const sources = [measure, ...others].map((id) => ({ id, versions: versionsIn(set.get(id)) }))
    const versions = new Set(sources.flatMap((source) => [...source.versions]))
    const common = sources.find((source) => source.versions.size === versions.size)
    for (const version of versions) {
      const chosen = common ?? sources.find((source) => source.versions.has(version))
      if (chosen !== undefined && chosen.id !== measure) take(set, chosen.id, measure, version)
    }
  }
}

/** What counts a version's events of a measure, if it is not the measure itself. */
export function countedInstead(
  set: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, readonly Cell[]>>>,
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

function versionsIn(dimensions: ReadonlyMap<string, ReadonlyMap<string, readonly Cell[]>> | undefined) {
  const versions = new Set<string>()
  for (const byVersion of dimensions?.values() ?? [])
    for (const [version, cells] of byVersion) if (cells.length > 0) versions.add(version)
  return versions
}

function take(set: MutableSet, from: string, to: string, version: string): void {
  const own = set.get(to) ?? new Map<string, Map<string, Cell[]>>()
  set.set(to, own)
  for (const versions of own.values()) versions.delete(version)
  for (const [dimension, versions] of set.get(from) ?? []) {
    const cells = versions.get(version)
    if (cells === undefined) continue
    const target = own.get(dimension) ?? new Map<string, Cell[]>()
    own.set(dimension, target)
    target.set(version, cells)
  }
  for (const [dimension, versions] of own) if (versions.size === 0) own.delete(dimension)
}
