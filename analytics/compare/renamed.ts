import { readKind } from '../../schemas/exception-kind.ts'

/**
 * Kinds of exceptions that cannot be compared: another version of the fingerprints' algorithm names the same exception otherwise, so what
 * came may be what went. A kind counts as renamed if exceptions of its type stand under names of several versions in what is compared; types that have
 * one version only, or that nobody saw before, are compared as ever. Nothing is renamed where all names are of one version.
 * @param kinds names of both sides (schemas/exception-kind.ts)
 */
export function renamedKinds(kinds: Iterable<string>): ReadonlySet<string> {
  const read = [...new Set(kinds)].map((name) => ({ name, ...readKind(name) }))
  const versions = new Map<string, Set<number>>()
  for (const { type, version } of read) {
    const known = versions.get(type)
    if (known === undefined) versions.set(type, new Set([version]))
    else known.add(version)
  }
  return new Set(read.filter(({ type }) => (versions.get(type)?.size ?? 0) > 1).map(({ name }) => name))
}
