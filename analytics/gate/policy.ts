import type { DeploymentState } from '../../schemas/contracts/report.ts'
import type { GateSettings, PartialPolicy, Policy, PolicyState, ShadowSettings } from '../../schemas/gate.ts'
import { matchesAny } from './pattern.ts'

export interface PolicyTarget {
  readonly service: string
  readonly environment: string
}

const STATES: Record<Exclude<DeploymentState, 'healthy'>, PolicyState> = {
  regressed: 'regressed',
  rolled_back: 'rolledBack',
  inconclusive: 'inconclusive',
  superseded: 'superseded',
  no_data: 'noData',
  watching: 'watching',
}

/** What the policy calls a state. */
export function policyStateOf(state: Exclude<DeploymentState, 'healthy'>): PolicyState {
  return STATES[state]
}

/** The settings' policy for a service in an environment, with what the caller wants otherwise. */
export function policyFor(settings: GateSettings, of: PolicyTarget, asked: PartialPolicy = {}): Policy {
  const policy = { ...settings.policy }
  for (const rule of rulesFor(settings, of)) Object.assign(policy, defined(rule.policy))
  return Object.assign(policy, defined(asked))
}

/** Minutes that a gate waits where its caller does not say. */
export function waitMinutesFor(settings: GateSettings, of: PolicyTarget): number {
  return (
    rulesFor(settings, of).findLast(({ waitMinutes }) => waitMinutes !== undefined)?.waitMinutes ??
    settings.waitMinutes
  )
}

/** Whether a signal is on trial there. */
export function onTrial(
  settings: ShadowSettings,
  of: PolicyTarget,
  from: 'gate' | 'page',
): (signal: string) => boolean {
  const patterns = settings
    .filter((entry) => entry.from.includes(from) && concerns(entry, of))
    .flatMap(({ signals }) => signals)
  return (signal) => matchesAny(patterns, signal)
}

function rulesFor(settings: GateSettings, of: PolicyTarget): GateSettings['rules'] {
  return settings.rules.filter((rule) => concerns(rule, of))
}

function concerns(
  rule: { readonly services: readonly string[]; readonly environments: readonly string[] },
  of: PolicyTarget,
): boolean {
  return matchesAny(rule.services, of.service) && matchesAny(rule.environments, of.environment)
}

function defined(policy: PartialPolicy): Partial<Policy> {
  return Object.fromEntries(
    Object.entries(policy).filter(([, meaning]) => meaning !== undefined),
  ) as Partial<Policy>
}
