import type { DeploymentState, VerdictWord } from '../schemas/contracts/report.ts'
import type { BadDirection, Criticality } from '../schemas/signals/signal.ts'
import type { Comparison, Measured } from './compare/comparison.ts'
import { benjaminiHochberg } from './stats/benjamini-hochberg.ts'
import { hierarchicalFdr } from './stats/hierarchical-fdr.ts'
import { holm } from './stats/holm.ts'

/** One series of a deployment's family. */
export interface Candidate {
  readonly signal: string
  /** '' for the service as a whole. */
  readonly dimension: string
  /** For sentences. */
  readonly title: string
  readonly unit: string
  readonly criticality: Criticality
  readonly bad: BadDirection
  readonly comparison: Comparison
  /** It was worse for some minutes, which are left out of `comparison` (compare/episode.ts): no sign of health. */
  readonly wasWorse?: boolean
}

export interface VerdictOptions {
  /** Probability that a deployment that changed nothing is called regressed. */
  readonly familyAlpha: number
  /** Rate of false discoveries over the words of a report, both directions together. */
  readonly falseDiscovery: number
  /** Error of a claim of equivalence, false-discovery controlled over the report. */
  readonly equivalence: number
  /** A deployment is not healthy as long as its critical signals may be worse by this factor. */
  readonly tolerable: number
}

export const VERDICT_DEFAULTS: VerdictOptions = {
  familyAlpha: 0.01,
  falseDiscovery: 0.05,
  equivalence: 0.05,
  tolerable: 2,
}

export const VERDICT_METHOD = 'weighted-holm-gate-hierarchical-bh@2'

/** Shares of a deployment's error: what matters most is looked at hardest. Set before anything is seen, so Holm's promise holds. */
const WEIGHT: Record<Criticality, number> = { critical: 2, major: 1, minor: 0.5, info: 0 }

export interface SeriesVerdict {
  readonly candidate: Candidate
  readonly word: VerdictWord
  /** p towards worse (better, for `improved`) after false-discovery control over the report; null: nothing to test. */
  readonly adjustedP: number | null
  /** p towards worse after control of any false alarm in the deployment (Holm); null: not in that family. */
  readonly familyP: number | null
  /** For `inconclusive`: why, and what would decide. */
  readonly needs: {
    readonly reason: string
    readonly detectableRatio: number | null
    readonly moreMinutes: number | null
    readonly moreExposure: number | null
  } | null
  /** One sentence with the numbers. */
  readonly summary: string
}

export interface DeploymentVerdict {
  /** Without `watching`, which the watch window decides. */
  readonly state: Extract<DeploymentState, 'regressed' | 'healthy' | 'inconclusive' | 'no_data'>
  /** Most important first. */
  readonly reasons: readonly string[]
  /** In the order of the candidates. */
  readonly series: readonly SeriesVerdict[]
}

/**
 * From comparisons to words.
 *
 * Two promises, two procedures. A deployment is `regressed` only if Holm's procedure over all series that may page, weighted by
 * criticality and without those that have too few events to say anything, finds one worse, beyond the smallest effect that
 * matters: that bounds the probability of any false alarm per deployment under any dependence.
 * Behind this gate, words come from false-discovery control over signals, then dimensions (Benjamini and Bogomolov 2014).
 * `unchanged` needs its own proof: two one-sided tests, false-discovery controlled.
 */
export function decide(
  candidates: readonly Candidate[],
  options: VerdictOptions = VERDICT_DEFAULTS,
): DeploymentVerdict {
  const measured = candidates.flatMap((candidate, index) =>
    candidate.comparison.kind === 'measured' ? [{ candidate, index, comparison: candidate.comparison }] : [],
  )
  const half = options.falseDiscovery / 2
  const worse = adjust(measured, (m) => m.pWorse, half)
  const better = adjust(measured, (m) => m.pBetter, half)
  const equivalent = byIndex(measured, benjaminiHochberg(measured.map((m) => m.comparison.pEquivalence)))
  const paging = measured.filter((m) => m.candidate.criticality !== 'info')
  const family = byIndex(
    paging,
    holm(
      paging.map(({ candidate, comparison }) => ({
        p: comparison.pWorse,
        weight: WEIGHT[candidate.criticality],
        ...(comparison.attainable === undefined ? {} : { attainable: comparison.attainable }),
      })),
      options.familyAlpha,
    ),
  )
  const gate = paging.some(
    (m) => m.comparison.beyond === 'worse' && (family.get(m.index) as number) <= options.familyAlpha,
  )

  const series = candidates.map((candidate, index): SeriesVerdict => {
    const { comparison } = candidate
    if (comparison.kind === 'undecidable') {
      return {
        candidate,
        word: 'inconclusive',
        adjustedP: null,
        familyP: null,
        needs: { reason: comparison.reason, detectableRatio: null, moreMinutes: null, moreExposure: null },
        summary: `${nameOf(candidate)}: ${comparison.reason}; needs ${comparison.needs}`,
      }
    }
    const down = worse.get(index) as { discovery: boolean; adjusted: number }
    const up = better.get(index) as { discovery: boolean; adjusted: number }
    const familyP = family.get(index) ?? null
    const open = gate || candidate.criticality === 'info'
    const word: VerdictWord =
      down.discovery && comparison.beyond === 'worse' && open
        ? 'regressed'
        : up.discovery && comparison.beyond === 'better'
          ? 'improved'
          : (equivalent.get(index) as number) <= options.equivalence && candidate.wasWorse !== true
            ? 'unchanged'
            : 'inconclusive'
    return {
      candidate,
      word,
      adjustedP: word === 'improved' ? up.adjusted : down.adjusted,
      familyP,
      needs: word === 'inconclusive' ? needsOf(candidate, comparison, down.discovery) : null,
      summary: summaryOf(candidate, comparison, word),
    }
  })
  const state = stateOf(series, measured.length, options)
  return { state, reasons: reasonsOf(series, state), series }
}

type Entry = { readonly candidate: Candidate; readonly index: number; readonly comparison: Measured }

function adjust(entries: readonly Entry[], p: (comparison: Measured) => number, q: number) {
  const groups = new Map<string, Entry[]>()
  for (const entry of entries) {
    const group = groups.get(entry.candidate.signal)
    if (group === undefined) groups.set(entry.candidate.signal, [entry])
    else group.push(entry)
  }
  const members = [...groups.values()]
  const results = hierarchicalFdr(
    members.map((group) => group.map((entry) => p(entry.comparison))),
    q,
  )
  const found = new Map<number, { discovery: boolean; adjusted: number }>()
  members.forEach((group, g) => {
    group.forEach((entry, i) => {
      const result = results[g]?.[i]
      if (result !== undefined) found.set(entry.index, result)
    })
  })
  return found
}

function byIndex(entries: readonly Entry[], values: readonly number[]): Map<number, number> {
  return new Map(entries.map((entry, i) => [entry.index, values[i] as number]))
}

function needsOf(
  { wasWorse }: Candidate,
  comparison: Measured,
  suspected: boolean,
): NonNullable<SeriesVerdict['needs']> {
  // No more minutes decide whose doing it was.
  if (wasWorse === true) {
    const reason = 'it was worse for some minutes, which began later than the release and are over'
    return { reason, detectableRatio: finite(comparison.smallestSeen), moreMinutes: null, moreExposure: null }
  }
  const reason = suspected
    ? 'a change is seen, but whether it is as large as matters is not settled'
    : 'neither a change nor the absence of one is shown'
  return {
    reason,
    detectableRatio: finite(comparison.smallestSeen),
    moreMinutes: finite(comparison.moreMinutes),
    moreExposure: finite(comparison.moreExposure),
  }
}

function stateOf(
  series: readonly SeriesVerdict[],
  measured: number,
  options: VerdictOptions,
): DeploymentVerdict['state'] {
  if (measured === 0) return 'no_data'
  if (series.some((s) => s.word === 'regressed' && s.candidate.criticality !== 'info')) return 'regressed'
  const critical = series.filter((s) => s.candidate.criticality === 'critical')
  const whole = critical.filter((s) => s.candidate.dimension === '')
  const deciding = whole.length > 0 ? whole : critical.length > 0 ? critical : series
  const decided = deciding.filter((s) => s.candidate.comparison.kind === 'measured')
  // A critical signal that fell silent after the release is no sign of health; one that never spoke says nothing.
  const silenced = deciding.some(
    (s) => s.candidate.comparison.kind === 'undecidable' && s.candidate.comparison.reason === 'no data after',
  )
  if (silenced || decided.length === 0) return 'inconclusive'
  return decided.every((s) => harmless(s, options)) ? 'healthy' : 'inconclusive'
}

/** Shown not to be worse by what matters or, where traffic is too light for that, not to be worse by the tolerable factor. */
function harmless(verdict: SeriesVerdict, options: VerdictOptions): boolean {
  const { comparison, bad, wasWorse } = verdict.candidate
  if (wasWorse === true) return false
  if (verdict.word === 'unchanged' || verdict.word === 'improved') return true
  if (comparison.kind === 'undecidable') return false
  if (comparison.pNotWorse <= options.equivalence) return true
  if (comparison.scale !== 'log') return false
  const reach = 1.6449 * comparison.standardError
  const log = Math.log(comparison.effect.ratio)
  const bound = Math.log(options.tolerable)
  return (bad === 'down' || log + reach < bound) && (bad === 'up' || log - reach > -bound)
}

const RANK: Record<Criticality, number> = { critical: 0, major: 1, minor: 2, info: 3 }

function reasonsOf(series: readonly SeriesVerdict[], state: DeploymentVerdict['state']): string[] {
  const pick = state === 'regressed' ? 'regressed' : state === 'inconclusive' ? 'inconclusive' : undefined
  if (pick === undefined) return []
  return series
    .filter((s) => s.word === pick && s.candidate.criticality !== 'info')
    .sort((a, b) => importance(a) - importance(b))
    .slice(0, 10)
    .map((s) => s.summary)
}

/** Smaller is more important: criticality first, then evidence. */
function importance(verdict: SeriesVerdict): number {
  const { comparison, criticality } = verdict.candidate
  const evidence = comparison.kind === 'measured' ? Math.min(37, Math.abs(comparison.studentised)) / 38 : 0
  return RANK[criticality] - evidence
}

function nameOf(candidate: Candidate): string {
  return candidate.dimension === '' ? candidate.title : `${candidate.title} of ${candidate.dimension}`
}

function summaryOf(candidate: Candidate, comparison: Measured, word: VerdictWord): string {
  const { effect, interval } = comparison
  const name = nameOf(candidate)
  const levels = `${number(effect.before)} to ${number(effect.after)} ${candidate.unit}`.trimEnd()
  const range = `${number(interval[0])} to ${number(interval[1])} times`
  const change = `${comparison.statistic} ${levels}, ${number(effect.ratio)} times (${percent(comparison.confidence)} interval ${range})`
  if (word === 'unchanged') return `${name} did not change by what matters: ${change}`
  if (word === 'inconclusive') {
    const more = finite(comparison.moreMinutes)
    const wait = more === null || more === 0 ? '' : `; about ${more} more minutes at this pace would decide`
    return `${name} could not be decided: ${change}${wait}`
  }
  return `${name} ${word}: ${change}`
}

function number(x: number): string {
  if (!Number.isFinite(x)) return 'any'
  if (x === 0) return '0'
  return Math.abs(x) >= 1000 ? Math.round(x).toString() : Number(x.toPrecision(3)).toString()
}

function percent(x: number): string {
  return `${Number((x * 100).toFixed(1))} %`
}

function finite(x: number): number | null {
  return Number.isFinite(x) ? x : null
}
