import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import type { CellSet } from '../queries/series-set.ts'

/** Of which signals values were put together because they were too many, and how much of them that is. */
export function restNotes(catalogue: Catalogue, set: CellSet): string[] {
  const told = new Set<string>()
  return catalogue.signals.flatMap(({ measures, dimension, title }) => {
    const [measure] = measures
    const dimensions = measure === undefined || told.has(measure) ? undefined : set.get(measure)
    if (dimension === undefined || measure === undefined || dimensions?.has(OTHER) !== true) return []
    told.add(measure)
    const rest = countOf([...(dimensions.get(OTHER)?.values() ?? [])].flat())
    const all = countOf([...dimensions.values()].flatMap((versions) => [...versions.values()].flat()))
    const share = all === 0 ? 0 : (100 * rest) / all
    return [
      `${title}: values of "${dimension}" are too many to be told apart. ${rest} of ${all} (${share.toPrecision(2)} %) are counted in the whole only, as ${OTHER}.`,
    ]
  })
}

function countOf(cells: readonly { readonly count: number }[]): number {
  return cells.reduce((sum, { count }) => sum + count, 0)
}

/** Which signals are taken from a sample of their streams. @param levels of `streamsLeftOut` */
export function streamNotes(
  catalogue: Catalogue,
  set: CellSet,
  levels: ReadonlyMap<string, number>,
): string[] {
  const told = new Set<string>()
  return catalogue.signals.flatMap(({ measures, title }) => {
    const measure = measures.find((id) => levels.has(id) && set.has(id))
    if (measure === undefined || told.has(measure)) return []
    told.add(measure)
    return [
      `${title}: taken from about one in ${2 ** (levels.get(measure) ?? 0)} of its streams, a random sample, because they are too many (cardinality.streams); counts are of those only.`,
    ]
  })
}

/** Of which versions instances are put together. @param kept how many keep their names, of `keptInstances` */
export function instanceNotes(
  kept: ReadonlyMap<string, number>,
  versions: readonly (string | null)[],
): string[] {
  return [...new Set(versions)].flatMap((version) => {
    const names = version === null ? undefined : kept.get(version)
    return names === undefined
      ? []
      : [
          `Instances of ${version} are too many to be told apart (cardinality.instances): beside ${names} with a name the others are counted as one, ${OTHER}.`,
        ]
  })
}
