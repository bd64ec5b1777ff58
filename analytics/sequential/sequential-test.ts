import { addSpan, copyOf, type Draft, type Lines } from './accumulate.ts'
import { type Effect, effectOf } from './effect.ts'
import { evidenceOf } from './evidence.ts'
import type { Part, Plan } from './plan.ts'
import { type ArmCells, spansOf } from './spans.ts'
import type { Evidence, PartState, State } from './state.ts'
import { type TimeToDecision, timeToDecision } from './time-to-decision.ts'

export interface Arms {
  readonly after: ArmCells
  /** Side by side: the old version in the same spans. */
  readonly beside?: ArmCells
}

export interface Look extends Evidence {
  /** Largest evidence at the ends of committed spans, and now: exp of minus it is an always-valid p. */
  readonly largest: Evidence
}

export interface Description extends Look {
  /** For each statistic what has changed by how much so far. */
  readonly effects: readonly Effect[]
  readonly time: TimeToDecision
}

/**
 * Commits the spans that are over: those from `state.until` up to `completeUntil`. Cells outside them are not read, so cells may be given
 * again. The result depends on the cells alone, not on how they were divided among calls. Where late data changed committed
 * spans, start again from `startState` with all cells.
 * @param completeUntil seconds; data before it are complete (the watermark), rounded down to whole spans
 */
export function update(plan: Plan, state: State, arms: Arms, completeUntil: number): State {
  const to = plan.start + Math.floor((completeUntil - plan.start) / plan.step) * plan.step
  if (to <= state.until) return state
  const lines = linesOf(plan, state, arms, to)
  const parts = state.parts.map(copyOf)
  let { largest } = state
  for (let i = 0; i < (to - state.until) / plan.step; i++) {
    for (let p = 0; p < parts.length; p++) {
      addSpan(plan, plan.parts[p] as Part, parts[p] as Draft, lines[p] as Lines, i)
    }
    largest = larger(largest, evidenceOf(plan, parts))
  }
  return { until: to, parts, largest }
}

/**
 * What the test says now: committed spans, and as far as they have come those that are not over, which are read and not committed.
 * Of gauges those are left out, since half a minute's mean is not a minute's.
 * @param newest cells from `state.until` on; older ones are not read
 */
export function look(plan: Plan, state: State, newest?: Arms): Look {
  const evidence = evidenceOf(plan, withNewest(plan, state, newest))
  return { ...evidence, largest: larger(state.largest, evidence) }
}

/**
 * The same with effects, confidence sequences and the time until there is a decision, for people: some hundred times the cost of a look.
 * @param limit log e-value that decides, > 0; default 1 / alpha of the plan
 */
export function describe(
  plan: Plan,
  state: State,
  newest?: Arms,
  limit: number = Math.log(1 / plan.alpha),
): Description {
  const parts = withNewest(plan, state, newest)
  const evidence = evidenceOf(plan, parts)
  return {
    ...evidence,
    largest: larger(state.largest, evidence),
    effects: plan.parts.flatMap((part, p) => {
      // One for each statistic: of the part that asks for worse, which counts from where it was before.
      const asks = part.sides.some((side) => side.role === 'worse')
      return asks ? [effectOf(plan, part, parts[p] as PartState)] : []
    }),
    time: timeToDecision(plan, parts, state.until, limit),
  }
}

function withNewest(plan: Plan, state: State, newest: Arms | undefined): readonly PartState[] {
  if (newest === undefined) return state.parts
  const to = endOf(newest.after, plan, state.until)
  if (to <= state.until) return state.parts
  const lines = linesOf(plan, state, newest, to)
  return state.parts.map((own, p) => {
    const part = plan.parts[p] as Part
    if (part.quantity.of === 'mean') return own
    const draft = copyOf(own)
    for (let i = 0; i < (to - state.until) / plan.step; i++) addSpan(plan, part, draft, lines[p] as Lines, i)
    return draft
  })
}

function larger(a: Evidence, b: Evidence): Evidence {
  return {
    worse: Math.max(a.worse, b.worse),
    matters: Math.max(a.matters, b.matters),
    harmless: Math.max(a.harmless, b.harmless),
  }
}

function linesOf(plan: Plan, state: State, arms: Arms, to: number): Lines[] {
  return plan.parts.map(({ quantity }) => ({
    from: state.until,
    after: spansOf(arms.after, quantity, false, state.until, to, plan.step),
    beside: spansOf(arms.beside, quantity, true, state.until, to, plan.step),
  }))
}

/** End of the last span that has cells. */
function endOf(arm: ArmCells, plan: Plan, from: number): number {
  let last = from - 1
  for (const cells of [arm.cells, arm.exposure ?? []]) {
    for (const cell of cells) if (cell.time > last) last = cell.time
  }
  return plan.start + (Math.floor((last - plan.start) / plan.step) + 1) * plan.step
}
