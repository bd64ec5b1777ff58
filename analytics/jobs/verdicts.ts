import type { Verdict } from '../../schemas/contracts/report.ts'
import type { Criticality } from '../../schemas/signals/signal.ts'
import type { Measured } from '../compare/comparison.ts'
import { totalCell } from '../queries/merge-cells.ts'
import { signalValue } from '../queries/signal-value.ts'
import { type Candidate, type DeploymentVerdict, decide, type VerdictOptions } from '../verdict.ts'
import type { SeriesComparison, Side } from './compare-signals.ts'
import { episodeWords, verdictEpisode, wasWorse } from './episodes.ts'
import type { Facts } from './kind-facts.ts'
import { difference, factor, nameOf, phrase, range } from './words.ts'

export type ReportDesign = Verdict['design']

export interface Judged {
  readonly state: DeploymentVerdict['state']
  /** Most important first. */
  readonly verdicts: readonly Verdict[]
}

/** From comparisons to the contract's verdicts: words, sentences, sides. */
export function judge(
  comparisons: readonly SeriesComparison[],
  design: ReportDesign,
  options: VerdictOptions,
  facts: Facts = new Map(),
): Judged {
  const decided = decide(comparisons.map(candidateOf), options)
  const entries = comparisons.map((comparison, at) => ({
    verdict: verdictOf(
      comparison,
      decided.series[at] as DeploymentVerdict['series'][number],
      design,
      facts.get(comparison) ?? null,
    ),
    evidence: comparison.comparison.kind === 'measured' ? Math.abs(comparison.comparison.studentised) : 0,
  }))
  entries.sort(
    (a, b) =>
      WORDS.indexOf(a.verdict.word) - WORDS.indexOf(b.verdict.word) ||
      CRITICAL.indexOf(a.verdict.criticality) - CRITICAL.indexOf(b.verdict.criticality) ||
      b.evidence - a.evidence,
  )
  return { state: decided.state, verdicts: entries.map(({ verdict }) => verdict) }
}

const WORDS: readonly Verdict['word'][] = ['regressed', 'improved', 'unchanged', 'inconclusive']
const CRITICAL: readonly Criticality[] = ['critical', 'major', 'minor', 'info']

function candidateOf({ signal, dimension, comparison, episode }: SeriesComparison): Candidate {
  return {
    signal: signal.id,
    dimension,
    title: signal.title,
    unit: signal.unit,
    criticality: signal.criticality,
    bad: signal.badDirection,
    comparison,
    wasWorse: wasWorse(episode, signal.badDirection),
  }
}

function verdictOf(
  series: SeriesComparison,
  decided: DeploymentVerdict['series'][number],
  design: ReportDesign,
  fact: Verdict['fact'],
): Verdict {
  const { signal, dimension, comparison } = series
  const before = sideOf(series, series.before)
  const after = sideOf(series, series.after)
  const base = {
    signal: signal.id,
    title: signal.title,
    group: signal.group,
    kind: signal.kind,
    unit: signal.unit,
    criticality: signal.criticality,
    badDirection: signal.badDirection,
    dimension,
    dimensionTitle: signal.dimension ?? null,
    word: decided.word,
    smallestEffect: signal.smallestEffect,
    before,
    after,
    episode: verdictEpisode(series.episode),
    mix: series.mix === null ? null : { ...series.mix, unit: signal.unit },
    needs:
      decided.needs === null
        ? null
        : {
            reason: decided.needs.reason,
            detectableRatio: decided.needs.detectableRatio,
            moreMinutes: decided.needs.moreMinutes,
            moreExposure: decided.needs.moreExposure,
          },
    // Rare events of a side-by-side deployment are compared with a longer time before.
    design: designOf(series, design),
    exemplars: [],
  }
  if (comparison.kind === 'undecidable') {
    return {
      ...base,
      fact,
      summary: `${nameOf(base)}: ${comparison.reason}; needs ${comparison.needs}.`,
      effectRatio: null,
      effectDifference: null,
      interval: [null, null],
      intervalOf: 'ratio',
      compared: null,
      confidence: 0,
      pValue: null,
      adjustedPValue: null,
      quantiles: [],
      method: 'none',
      placebos: 0,
      dispersion: null,
      autocorrelation: null,
    }
  }
  const { effect } = comparison
  const isRatio = hasRatio(comparison)
  return {
    ...base,
    fact,
    summary: sentence(series, comparison, decided.word, fact),
    effectRatio: isRatio ? effect.ratio : null,
    effectDifference: finite(effect.difference),
    interval: pair(isRatio ? comparison.interval : comparison.differenceInterval),
    intervalOf: isRatio ? 'ratio' : 'difference',
    compared: { statistic: comparison.statistic, before: effect.before, after: effect.after },
    confidence: comparison.confidence,
    standardError: (comparison.scale === 'log') === isRatio ? finite(comparison.deviation) : null,
    pValue: finite(comparison.pValue),
    adjustedPValue: decided.adjustedP,
    quantiles: quantilesOf(comparison),
    method: comparison.method,
    placebos: comparison.placebos,
    dispersion: finite(comparison.dispersion),
    autocorrelation: finite(comparison.autocorrelation),
  }
}

function designOf({ comparison, signal, design }: SeriesComparison, report: ReportDesign): ReportDesign {
  if (design === 'side-by-side') return report
  const seasonal = comparison.kind === 'measured' && comparison.controls > 0 && signal.growth !== true
  return seasonal ? 'before_after_seasonal' : 'before_after'
}

function hasRatio({ effect }: Measured): boolean {
  return effect.before > 0 && Number.isFinite(effect.ratio)
}

function sentence(
  series: SeriesComparison,
  comparison: Measured,
  word: Verdict['word'],
  fact: Verdict['fact'],
): string {
  const { effect, interval, differenceInterval, statistic } = comparison
  const change = phrase({
    signal: series.signal,
    dimension: series.dimension,
    statistic,
    before: effect.before,
    after: effect.after,
    ratio: effect.ratio,
    fact,
  })
  const name = nameOf({ title: series.signal.title, dimension: series.dimension })
  const percent = Number((comparison.confidence * 100).toFixed(1))
  // Of what was not there before there is no ratio: the interval is that of the difference, as beside the sentence.
  const shown = hasRatio(comparison)
    ? range(pair(interval), 'ratio', factor)
    : range(pair(differenceInterval), 'difference', (value) => difference(value, series.signal.unit))
  const bounds = `${percent} % interval ${shown}`
  switch (word) {
    case 'regressed':
    case 'improved':
      return `${capital(change)}; ${bounds}.`
    case 'unchanged':
      return `${name} did not change by what matters (${margin(series.signal.smallestEffect)}): ${bounds}.`
    case 'inconclusive': {
      const episode = verdictEpisode(series.episode)
      if (episode !== null && wasWorse(episode, series.signal.badDirection))
        return `${name} was ${episodeWords(episode)}, which began later than the release and is over; without these minutes ${bounds}.`
      const more = finite(comparison.moreMinutes)
      const wait = more !== null && more > 0 ? ` About ${more} more minutes at this pace would decide.` : ''
      return `${name} could not be decided: ${bounds}.${wait}`
    }
  }
}

function quantilesOf(comparison: Measured): Verdict['quantiles'] {
  const list = comparison.details?.['quantiles']
  if (!Array.isArray(list)) return []
  return (list as QuantileDetail[]).flatMap((entry) => {
    const match = /^p(\d+)$/.exec(entry.statistic)
    if (match === null) return []
    return [
      {
        quantile: Number(match[1]) / 100,
        before: entry.before,
        after: entry.after,
        ratio: finite(entry.ratio),
        interval: pair(entry.interval),
      },
    ]
  })
}

interface QuantileDetail {
  readonly statistic: string
  readonly before: number
  readonly after: number
  readonly ratio: number
  readonly interval: readonly [number, number]
}

function sideOf(series: SeriesComparison, side: Side): Verdict['before'] {
  const exposure = side.exposure.reduce((sum, cell) => sum + cell.count, 0)
  const value = signalValue(series.signal, totalCell(side.cells), exposure)
  const timeline = series.signal.kind === 'rate' ? side.exposure : side.cells
  return { ...value, minutes: timeline.filter((cell) => cell.count > 0).length }
}

/** What a claim of `unchanged` leaves room for. */
function margin({ ratio }: Verdict['smallestEffect']): string {
  return `less than ${Number(((ratio - 1) * 100).toPrecision(3))} %`
}

function pair([low, high]: readonly [number, number]): [number | null, number | null] {
  return [finite(low), finite(high)]
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
