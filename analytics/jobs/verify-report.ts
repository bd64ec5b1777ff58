import type { Config } from '../../schemas/config.ts'
import type { Receipt, Report } from '../../schemas/contracts/report.ts'
import type { Verification } from '../../schemas/contracts/verification.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { compareReports } from '../receipts/compare-reports.ts'
import { computeReport } from './report.ts'

/**
 * Computes a stored report again, as of the moment it was made, with the windows and error rates that it names, and compares inputs, words and numbers.
 * Nothing is stored.
 * @param now milliseconds
 */
export async function verifyReport(
  store: Store,
  catalogue: Catalogue,
  config: Config,
  stored: Report,
  now: number,
): Promise<Verification> {
  const recomputed = await computeReport(
    store,
    catalogue,
    withParameters(config, stored),
    stored.deployment,
    Date.parse(stored.computedAt),
  )
  const { compared, differences } = compareReports(stored, recomputed)
  const receipt = recomputed.receipt as Receipt
  // Another method may ask for other inputs, and digest them otherwise: whether these are the same cannot be said.
  const comparable = stored.receipt !== undefined && stored.method === receipt.method
  const changedInputs = !comparable
    ? []
    : INPUTS.filter((input) => stored.receipt?.inputs[input] !== receipt.inputs[input])
  return {
    deploymentId: stored.deployment.id,
    service: stored.deployment.service,
    version: stored.deployment.version,
    environment: stored.deployment.environment,
    computedAt: stored.computedAt,
    verifiedAt: new Date(now).toISOString(),
    outcome: outcomeOf(stored, receipt, changedInputs.length > 0, differences.length > 0),
    changedInputs,
    stored: stored.receipt ?? null,
    recomputed: receipt,
    compared,
    differences: [...differences],
  }
}

const INPUTS = ['telemetry', 'quietPast', 'deployments', 'settings'] as const

function outcomeOf(
  stored: Report,
  recomputed: Receipt,
  changed: boolean,
  differs: boolean,
): Verification['outcome'] {
  if (stored.method !== recomputed.method) return 'method_changed'
  if (stored.receipt === undefined) return differs ? 'differs' : 'no_receipt'
  if (changed) return 'inputs_changed'
  return differs ? 'differs' : 'same'
}

/** The settings of today, but for what the report says it was made with. */
export function withParameters(config: Config, { parameters }: Report): Config {
  const kept = (name: string, current: number): number => {
    const value = parameters[name]
    return typeof value === 'number' ? value : current
  }
  const { analysis } = config
  return {
    ...config,
    analysis: {
      ...analysis,
      watchMinutes: kept('watchMinutes', analysis.watchMinutes),
      beforeMinutes: kept('beforeMinutes', analysis.beforeMinutes),
      warmUpMinutes: kept('warmUpMinutes', analysis.warmUpMinutes),
      latenessSeconds: kept('latenessSeconds', analysis.latenessSeconds),
      falseDiscoveryRate: kept('falseDiscoveryRate', analysis.falseDiscoveryRate),
      environments: {},
    },
  }
}
