import type { Config } from '../../schemas/config.ts'
import type { Mark } from '../../schemas/contracts/mark.ts'
import type { MarkEvaluation, Varied } from '../../schemas/contracts/mark-evaluation.ts'
import type { Report, Verdict } from '../../schemas/contracts/report.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Store } from '../../schemas/store/client.ts'
import { withQuery } from '../../schemas/store/with-query.ts'
import { judgeAgain } from '../jobs/report.ts'
import { verifyReport, withParameters } from '../jobs/verify-report.ts'
import { VERDICT_DEFAULTS } from '../verdict.ts'

const VALUES: Readonly<Record<Varied, readonly number[]>> = {
  alpha: [0.05, 0.02, VERDICT_DEFAULTS.familyAlpha, 0.003, 0.001],
  relevantChange: [0.5, 1, 2, 4, 6],
  minimumExposure: [0, 100, 1000, 3000, 10_000],
}
const IN_FORCE: Readonly<Record<Varied, number>> = {
  alpha: VERDICT_DEFAULTS.familyAlpha,
  relevantChange: 1,
  minimumExposure: 0,
}

/**
 * What the verdicts that people marked would have been with other settings. The stored report is verified first: only where its inputs are what they were is it
 * judged again, from those inputs.
 * @param now milliseconds
 */
export async function evaluateMarks(
  store: Store,
  catalogue: Catalogue,
  config: Config,
  stored: Report,
  marks: readonly Mark[],
  now: number,
): Promise<MarkEvaluation> {
  const kept = remembering(store)
  const { deployment } = stored
  const verification = await verifyReport(kept, catalogue, config, stored, now)
  const same = verification.outcome === 'same' || verification.outcome === 'no_receipt'
  const settled = withParameters(config, stored)
  const asOf = Date.parse(stored.computedAt)
  const judged: Omit<MarkEvaluation['cases'][number]['outcomes'][number], 'alarms'>[] = []
  const outcomes: Awaited<ReturnType<typeof judgeAgain>>[number][] = []
  for (const factor of same ? VALUES.relevantChange : []) {
    // Another alpha or exposure judges the same comparison, another relevant change compares anew.
    const plain = factor === IN_FORCE.relevantChange
    const varied = [
      { varied: 'relevantChange' as const, value: factor },
      ...(plain ? VALUES.alpha.map((value) => ({ varied: 'alpha' as const, value })) : []),
      ...(plain
        ? VALUES.minimumExposure.map((value) => ({ varied: 'minimumExposure' as const, value }))
        : []),
    ]
    judged.push(...varied.map((one) => ({ ...one, inForce: one.value === IN_FORCE[one.varied] })))
    outcomes.push(
      ...(await judgeAgain(
        kept,
        {
          ...catalogue,
          signals: catalogue.signals.map((signal) => scaled(signal, factor)),
          signal: (id) => scaled(catalogue.signal(id), factor),
        },
        settled,
        deployment,
        asOf,
        varied.map(({ varied, value }) => ({
          alpha: varied === 'alpha' ? value : IN_FORCE.alpha,
          fewest: varied === 'minimumExposure' ? value : IN_FORCE.minimumExposure,
        })),
      )),
    )
  }
  return {
    deploymentId: deployment.id,
    service: deployment.service,
    version: deployment.version,
    environment: deployment.environment,
    inputs: same ? 'same' : 'changed',
    cases: marks.map((mark) => ({
      signal: mark.signal,
      dimension: mark.dimension,
      mark: mark.mark,
      outcomes: judged.map((one, at) => ({ ...one, alarms: alarms(outcomes[at], mark) })),
    })),
  }
}

function alarms(
  outcome: { readonly regressed: boolean; readonly series: readonly Verdict[] } | undefined,
  mark: Mark,
): boolean {
  if (outcome === undefined) return false
  if (mark.signal === '') return outcome.regressed
  // A mark on a signal without a dimension is of all that is called regressed in it.
  return outcome.series.some(
    ({ signal, dimension }) =>
      signal === mark.signal && (mark.dimension === '' || dimension === mark.dimension),
  )
}

function scaled(signal: Signal, factor: number): Signal {
  const { ratio, absolute } = signal.smallestEffect
  return { ...signal, smallestEffect: { ratio: ratio ** factor, absolute: absolute * factor } }
}

/** Asks the store once for what is asked several times. */
function remembering(store: Store): Store {
  const known = new Map<string, Promise<unknown[]>>()
  return withQuery(store, <T>(...call: Parameters<Store['query']>) => {
    const key = JSON.stringify(call.slice(0, 2))
    const found = known.get(key) ?? store.query(...call)
    known.set(key, found)
    return found as Promise<T[]>
  })
}
