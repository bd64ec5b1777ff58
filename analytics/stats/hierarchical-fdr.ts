import { benjaminiHochberg } from './benjamini-hochberg.ts'

/**
 * False-discovery control over groups, then within them: Simes' p-value of each group goes through Benjamini-Hochberg, and
 * within the R groups selected of m, tests are made at q R / m.
 * Source: Benjamini and Bogomolov (2014), *Selective inference on multiple families of hypotheses*.
 * @param groups p-values by group
 * @param q false-discovery rate over groups, and on average over the selected groups
 * @returns in the order given: whether each test is a discovery, and its p-value adjusted within group and selection
 */
export function hierarchicalFdr(
  groups: readonly (readonly number[])[],
  q: number,
): { discovery: boolean; adjusted: number }[][] {
  const within = groups.map((group) => benjaminiHochberg(group))
  // The smallest adjusted p of a group is Simes' p for its intersection.
  const simes = within.map((adjusted) => Math.min(1, ...adjusted))
  const across = benjaminiHochberg(simes)
  const selected = across.filter((p) => p <= q).length
  return within.map((adjusted, g) =>
    adjusted.map((p) => {
      const own = Math.min(1, (p * groups.length) / Math.max(1, selected))
      return {
        discovery: (across[g] as number) <= q && own <= q,
        adjusted: Math.max(own, across[g] as number),
      }
    }),
  )
}
