import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { GateEvidence } from '../../schemas/contracts/gate.ts'
import type { Report } from '../../schemas/contracts/report.ts'
import type { Watch } from '../../schemas/contracts/watch.ts'
import { isTelling, nameWithin, quantity } from '../jobs/words.ts'
import { byHarm } from '../monitor/harm.ts'
import { isSound } from '../monitor/watch-state.ts'
import { MOST_EVIDENCE, MOST_REASONS, type Standing } from './standing.ts'

type WatchedSignal = Watch['signals'][number]

const MINUTE = 60_000
/** A watch that nobody has looked at for so long says nothing of now, unless it is over. */
const STALE = 3 * MINUTE
/** Of the monitor's intervals, at all looks together. */
const CONFIDENCE = 0.99

/** A watch counts only for the deployment as it is known now, with looks from after its start, and while the monitor looks. */
export function isWatchOf(watch: Watch, deployment: Deployment, now: number): boolean {
  const looked = Date.parse(watch.lookedAt)
  if (watch.deploymentId !== deployment.id || looked <= Date.parse(deployment.startedAt)) return false
  if (deployment.status === 'rolled_back' && watch.state !== 'rolled_back') return false
  return now - looked < STALE || (watch.state !== 'watching' && Date.parse(watch.closesAt) <= now)
}

/** The standing by the monitor's watch: its tests are valid at all looks together, so a gate may ask as often as it likes. */
export function watchStanding(
  watch: Watch,
  report: Report | undefined,
  isOnTrial: (signal: string) => boolean,
): Standing {
  const isAllOnTrial = watch.signals.length > 0 && watch.signals.every(({ signal }) => isOnTrial(signal))
  const onTrial = isAllOnTrial ? () => false : isOnTrial
  const worse = watch.signals.filter(({ decided }) => decided === 'worse').toSorted(byHarm)
  const own = watch.signals.filter(({ relation }) => relation === 'own')
  const critical = own.filter(({ criticality, dimension }) => criticality === 'critical' && dimension === '')
  const trial = worse.filter(({ signal }) => onTrial(signal))
  const rest = worse.filter(({ signal }) => !onTrial(signal))
  const isCleared = watch.state === 'regressed' && trial.length > 0 && rest.length === 0
  const state = isCleared ? 'watching' : watch.state
  const deciding = critical.filter(({ signal }) => !onTrial(signal))
  return {
    state,
    reasons:
      state === 'regressed' && rest.length > 0
        ? [watch.headline, ...rest.slice(0, MOST_REASONS).map(sentence)]
        : [watch.headline],
    evidence: [...new Set([...worse, ...critical])]
      .slice(0, MOST_EVIDENCE)
      .map((signal) => evidenceOf(signal, report, onTrial(signal.signal))),
    trial: trial.map((signal) => ({ signal: signal.signal, summary: sentence(signal) })),
    missing:
      deciding.length === 0
        ? undefined
        : deciding
            .filter((signal) => !isSound(signal))
            .map((signal) => ({
              name: nameWithin(signal),
              minutes:
                signal.decidedBy === null
                  ? null
                  : (Date.parse(signal.decidedBy) - Date.parse(watch.lookedAt)) / MINUTE,
            })),
    seenMinutes: Math.max(0, (Date.parse(watch.completeTo) - Date.parse(watch.openedAt)) / MINUTE),
    at: Date.parse(watch.lookedAt),
    finalAt: Date.parse(watch.closesAt),
    isSilent: watch.requests === 0 && own.every(({ exposure }) => exposure === 0),
    isAllOnTrial,
  }
}

function sentence(signal: WatchedSignal): string {
  const where = signal.relation === 'own' ? '' : ` of ${signal.service}`
  const levels = `${quantity(signal.before, signal.unit)} -> ${quantity(signal.after, signal.unit)}`
  const name = `${signal.title}${signal.dimension === '' ? '' : `: ${signal.dimension}`}${where}`
  return `${name}${signal.fresh ? ' is new' : STANDINGS[signal.decided]} (${levels}).`
}

const STANDINGS = { worse: ' got worse', not_worse: ': no worse', open: ': not decided' } as const
const WORDS = { worse: 'regressed', not_worse: 'unchanged', open: 'inconclusive' } as const

function evidenceOf(signal: WatchedSignal, report: Report | undefined, shadow: boolean): GateEvidence {
  const verdict = report?.verdicts.find(
    (other) => other.signal === signal.signal && other.dimension === signal.dimension,
  )
  const isSeen = signal.exposure > 0
  return {
    signal: signal.signal,
    title: signal.relation === 'own' ? signal.title : `${signal.title} of ${signal.service}`,
    dimension: signal.dimension,
    criticality: signal.criticality,
    unit: signal.unit,
    word: WORDS[signal.decided],
    summary: sentence(signal),
    effectRatio: isSeen ? signal.ratio : null,
    effectDifference: isSeen ? signal.after - signal.before : null,
    interval: isSeen && isTelling(signal.interval) ? signal.interval : [null, null],
    intervalOf: isSeen && signal.ratio === null ? 'difference' : 'ratio',
    confidence: CONFIDENCE,
    before: { value: signal.before, count: verdict?.before.count ?? null },
    after: { value: isSeen ? signal.after : null, count: signal.exposure },
    shadow,
  }
}
