import type { Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { DeploymentState, Report, Verdict } from '../../schemas/contracts/report.ts'
import { episodeWords, wasWorse } from './episodes.ts'
import { nameOf } from './words.ts'

const MOST_REASONS = 3

/** Verdicts worth a line of their own: the service as a whole gives way to the dimensions that say the same more precisely. */
export function topVerdicts(verdicts: readonly Verdict[], word: Verdict['word']): readonly Verdict[] {
  const own = verdicts.filter((verdict) => verdict.word === word && verdict.criticality !== 'info')
  return own.filter(
    (verdict) =>
      verdict.dimension !== '' ||
      !own.some((other) => other.signal === verdict.signal && other.dimension !== ''),
  )
}

/** A verdict's own sentence without its interval. */
export function reasonOf(verdict: Verdict): string {
  const text = verdict.summary.split('; ')[0] ?? verdict.summary
  const second = text.slice(1, 2)
  // "POST /pay" keeps its capitals.
  return second === second.toLowerCase() ? text.slice(0, 1).toLowerCase() + text.slice(1) : text
}

export interface Judged {
  readonly deployment: Deployment
  readonly state: DeploymentState
  readonly verdicts: readonly Verdict[]
  readonly baseline: string | null
  /** Why the versions may not be comparable. */
  readonly doubt: string | undefined
  /** Of this deployment, whether it still fires or not: the monitor may have seen what a report of other minutes does not show. */
  readonly alert: Pick<Incident, 'summary' | 'status' | 'resolution'> | undefined
}

/**
 * The verdict in one sentence, such as "2.7.0 made checkout worse: POST /pay answers 1.8x slower at p95 (212 ms -> 381 ms)." Others follow where an alert said something else,
 * and where the comparison itself is in doubt.
 */
export function headline(judged: Judged): string {
  const { doubt } = judged
  const said = `${plainHeadline(judged)}${otherwiseTold(judged)}`
  return doubt === undefined ? said : `${said} But the versions may not be comparable: ${doubt}`
}

/** What an alert says of its deployment, which is named beside it. */
export function alertWords({ service, version }: Deployment, { summary }: Pick<Incident, 'summary'>): string {
  const name = `${service} ${version}: `
  return (summary.startsWith(name) ? summary.slice(name.length) : summary).replace(/\.$/, '')
}

/** Headline and what follows it while an alert fires: what is worse comes first, whether the report can tell by itself or the monitor only, which is minutes ahead. */
export function headlineBeside(
  alert: Pick<Incident, 'summary'>,
  { deployment, headline, verdicts }: Pick<Report, 'deployment' | 'headline' | 'verdicts'>,
): readonly [string, string] {
  if (headline.includes(alertWords(deployment, alert))) return [headline, '']
  return topVerdicts(verdicts, 'regressed').length > 0
    ? [headline, `${alert.summary}.`]
    : [alert.summary, `By itself this report says: ${headline}`]
}

/** States of a report that is not made again, in which it has found nothing by itself. */
const SETTLED: ReadonlySet<DeploymentState> = new Set(['healthy', 'inconclusive', 'superseded'])

function otherwiseTold({ deployment, state, verdicts, baseline, alert }: Judged): string {
  if (alert === undefined || baseline === null || !SETTLED.has(state)) return ''
  if (topVerdicts(verdicts, 'regressed').length > 0) return ''
  const said = `the alert "${alertWords(deployment, alert)}"`
  return alert.status === 'firing'
    ? ` But ${said} was open when this was written.`
    : ` But there was ${said}${alert.resolution === null ? '' : `: ${alert.resolution}`}.`
}

function plainHeadline({ deployment, state, verdicts, baseline, alert }: Judged): string {
  const { version, service } = deployment
  const worse = topVerdicts(verdicts, 'regressed')
  const better = topVerdicts(verdicts, 'improved')
  if (baseline === null) {
    return `${version} is the first version of ${service} seen in ${deployment.environment}: later releases are compared with it.`
  }
  const suffix =
    state === 'rolled_back'
      ? ' It was rolled back.'
      : state === 'superseded'
        ? ' The next release cut its watch window.'
        : ''
  if (worse.length > 0) return `${version} made ${service} worse: ${list(worse)}.${suffix}`
  if (better.length > 0 && (state === 'healthy' || state === 'superseded')) {
    return `${version} made ${service} better: ${list(better)}.${suffix}`
  }
  const open = undecided(verdicts)
  const passed = cameAndWent(verdicts)
  switch (state) {
    case 'watching':
      return passed === ''
        ? `${version} of ${service} is being watched: nothing has got worse so far.`
        : `${version} of ${service} is being watched: nothing that lasts has got worse so far. ${passed}`
    case 'healthy':
      return `${version} did not make ${service} worse.`
    case 'no_data':
      return `${version} of ${service} cannot be judged: there is no telemetry to compare.`
    case 'rolled_back':
      return alert === undefined
        ? `${version} of ${service} was rolled back; nothing was shown to be worse.`
        : `${version} of ${service} was rolled back after the alert "${alertWords(deployment, alert)}"; by itself this report shows nothing worse.`
    case 'superseded':
      return `${version} of ${service} was superseded before it could be judged in full; nothing was shown to be worse.`
    case 'regressed':
    case 'inconclusive':
      if (passed !== '')
        return `Nothing that lasts was shown to be worse in ${version} of ${service}. ${passed}`
      return better.length > 0
        ? `${version} made ${service} better in part: ${list(better)}. Too few data to rule out that something else got worse${open}.`
        : `Nothing was shown to be worse in ${version} of ${service}, but there are too few data to rule it out${open}.`
  }
}

/** What was worse for some minutes, in a sentence; '' if nothing was. */
function cameAndWent(verdicts: readonly Verdict[]): string {
  const [first, ...more] = verdicts.filter(
    ({ episode, badDirection, criticality }) => criticality !== 'info' && wasWorse(episode, badDirection),
  )
  if (first?.episode == null) return ''
  const others = more.length === 0 ? '' : ` (and ${more.length} more signal${more.length === 1 ? '' : 's'})`
  return `${nameOf(first)} was ${episodeWords(first.episode)}${others}: it began later than the release and is over.`
}

/** The most important signals that are not known to be sound, in words; '' if none has a name. */
function undecided(verdicts: readonly Verdict[]): string {
  const titles = verdicts
    .filter(
      (verdict) =>
        verdict.word === 'inconclusive' && verdict.criticality === 'critical' && verdict.dimension === '',
    )
    .map((verdict) => verdict.title.toLowerCase())
  const shown = [...new Set(titles)].slice(0, MOST_REASONS)
  return shown.length === 0 ? '' : ` (${shown.join(', ')})`
}

function list(verdicts: readonly Verdict[]): string {
  const shown = verdicts.slice(0, MOST_REASONS).map(reasonOf).join('; ')
  const rest = verdicts.length - MOST_REASONS
  return rest > 0 ? `${shown}; and ${rest} more` : shown
}
