import { logCountEvidence } from '../stats/count-e-process.ts'
import { LOG_EFFECTS, LOG_WEIGHTS } from '../stats/effect-prior.ts'
import { logMixture } from '../stats/log-mixture.ts'
import { logMeanEvidence } from '../stats/normal-e-process.ts'
import type { Part, Plan, Role, Side } from './plan.ts'
import type { Evidence, PartState } from './state.ts'

/** Evidence of the sums of all parts: the weighted mean for `worse` and `matters`, the least for `harmless`, which is of all parts. */
export function evidenceOf(plan: Plan, sums: readonly PartState[]): Evidence {
  return {
    worse: meanOver(plan, sums, 'worse'),
    matters: meanOver(plan, sums, 'matters'),
    harmless: leastOver(plan, sums),
  }
}

function meanOver(plan: Plan, sums: readonly PartState[], role: Role): number {
  const logs: number[] = []
  const weights: number[] = []
  let total = 0
  plan.parts.forEach((part, p) => {
    part.sides.forEach((side, s) => {
      if (side.role !== role) return
      logs.push(sideEvidence(plan, part, s, sums[p] as PartState))
      weights.push(part.weight)
      total += part.weight
    })
  })
  if (logs.length < 2) return logs[0] ?? 0
  return logMixture(
    logs,
    weights.map((weight) => Math.log(weight / total)),
  )
}

function leastOver(plan: Plan, sums: readonly PartState[]): number {
  let least = Number.POSITIVE_INFINITY
  plan.parts.forEach((part, p) => {
    part.sides.forEach((side, s) => {
      if (side.role === 'harmless') least = Math.min(least, sideEvidence(plan, part, s, sums[p] as PartState))
    })
  })
  return Number.isFinite(least) ? least : 0
}

function sideEvidence(plan: Plan, part: Part, s: number, sums: PartState): number {
  const side = part.sides[s] as Side
  const { baseline } = part
  if (part.quantity.of === 'mean') {
    if (sums.expected === 0) return 0
    const arms = plan.design === 'side-by-side' ? 2 : 1
    return logMeanEvidence(
      {
        excess: sums.events / sums.expected - side.edge,
        variance: (arms * baseline.dispersion) / sums.expected,
        drift: baseline.drift,
      },
      part.unit,
      side.up,
    )
  }
  if (plan.design === 'side-by-side') return logMixture(sums.wealth, LOG_WEIGHTS, s * LOG_EFFECTS.length)
  return logCountEvidence(
    {
      events: sums.events,
      expected: side.edge * sums.expected,
      dispersion: baseline.dispersion,
      drift: baseline.drift,
    },
    side.up,
  )
}
