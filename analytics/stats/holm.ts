export interface FamilyMember {
  readonly p: number
  /** Share of the error that this one gets, in relation to the others; > 0. Default 1. */
  readonly weight?: number
  /** The smallest p that this test could have had, given what does not depend on the effect. Default 0. */
  readonly attainable?: number
}

/**
 * Adjusted p-values of weighted Holm (1979): rejecting where they are at most `alpha` keeps the probability of any false
 * rejection at `alpha`, under any dependence. Tests of counts too few to be rejected whatever side they fall on are left out first,
 * which costs nothing: Tarone (1990), *A modified Bonferroni method for discrete data*.
 * @returns in the order given; 1 for those that were left out
 */
export function holm(members: readonly FamilyMember[], alpha: number): number[] {
  const kept = testable(members, alpha).sort((a, b) => ratioOf(members, a) - ratioOf(members, b))
  const adjusted = new Array<number>(members.length).fill(1)
  let remaining = kept.reduce((sum, index) => sum + weightOf(members, index), 0)
  let most = 0
  for (const index of kept) {
    most = Math.max(most, Math.min(1, ratioOf(members, index) * remaining))
    adjusted[index] = most
    remaining -= weightOf(members, index)
  }
  return adjusted
}

/** The largest set each of whose members could be rejected at its weight's share of alpha in that set. */
function testable(members: readonly FamilyMember[], alpha: number): number[] {
  // The total weight up to which each can still be rejected.
  const reach = members.map(({ attainable = 0, weight = 1 }) =>
    attainable > 0 ? (alpha * weight) / attainable : Number.POSITIVE_INFINITY,
  )
  const order = members.map((_, i) => i).sort((a, b) => (reach[b] as number) - (reach[a] as number))
  let total = order.reduce((sum, index) => sum + weightOf(members, index), 0)
  while (order.length > 0) {
    const last = order.at(-1) as number
    if (total <= (reach[last] as number)) break
    total -= weightOf(members, last)
    order.pop()
  }
  return order
}

function weightOf(members: readonly FamilyMember[], index: number): number {
  return members[index]?.weight ?? 1
}

function ratioOf(members: readonly FamilyMember[], index: number): number {
  return (members[index]?.p ?? 1) / weightOf(members, index)
}
