import { z } from 'zod'
import { MEANINGS, POLICY_STATES, partialPolicySchema } from '../gate.ts'
import { instant } from './instant.ts'
import { DEPLOYMENT_STATES, verdictSchema } from './report.ts'

const name = z.string().trim().min(1).max(200)

/** `POST /api/v1/gates`. */
export const newGateSchema = z.strictObject({
  service: name,
  environment: name.default('default'),
  version: z.string().min(1).max(200),
  /** Minutes until it decides by what is known then; default: the settings'. */
  waitMinutes: z.number().min(0).max(1440).optional(),
  /** Only a deployment that started at or after this is meant; default: `gate.sinceMinutes` before now. */
  since: instant.optional(),
  /** Meanings that differ from the settings'. */
  policy: partialPolicySchema.default({}),
})
export type NewGate = z.infer<typeof newGateSchema>

/** One comparison that a decision rests on. */
export const gateEvidenceSchema = verdictSchema
  .pick({
    signal: true,
    title: true,
    dimension: true,
    criticality: true,
    unit: true,
    word: true,
    summary: true,
    effectRatio: true,
    effectDifference: true,
    interval: true,
    intervalOf: true,
    compared: true,
    confidence: true,
  })
  .extend({
    /** Events or samples; null where only the monitor has looked, which keeps no such count of the time before. */
    before: z.object({ value: z.number().nullable(), count: z.number().nullable() }),
    after: z.object({ value: z.number().nullable(), count: z.number() }),
    /** On trial: it is shown, and decides nothing. */
    shadow: z.boolean(),
  })
export type GateEvidence = z.infer<typeof gateEvidenceSchema>

export const GATE_DECISIONS = ['pass', 'hold', 'fail'] as const

export const gateDecisionSchema = z.object({
  decision: z.enum(GATE_DECISIONS).meta({ description: '`hold`: not yet' }),
  /** What a canary does next; a failure that is not a regression holds, since nothing says that going back would help. */
  step: z.enum(['promote', 'hold', 'roll_back']),
  /** The state that the decision rests on; `watching` while it holds, or if the time was over first. */
  outcome: z.enum(DEPLOYMENT_STATES),
  /** What the policy says of the outcome; null for healthy, and while it holds. */
  meaning: z.enum(MEANINGS).nullable(),
  /** True: it will not change any more. */
  settled: z.boolean(),
  /** In words, most important first. */
  reasons: z.array(z.string()),
  /** What it rests on: what got worse, then what decides about health. */
  evidence: z.array(gateEvidenceSchema),
  /** When it will be known at the pace of now, and what is still missing; null where it is known or cannot be said. */
  known: z
    .object({ at: instant, minutes: z.number(), missing: z.array(z.string()) })
    .nullable()
    .meta({ description: 'Time to know' }),
})
export type GateDecision = z.infer<typeof gateDecisionSchema>

export const gateSchema = gateDecisionSchema.extend({
  id: z.string(),
  service: z.string(),
  environment: z.string(),
  version: z.string(),
  openedAt: instant,
  /** It decides by what is known then. */
  until: instant,
  since: instant,
  policy: z.record(z.enum(POLICY_STATES), z.enum(MEANINGS)),
  deploymentId: z.string().nullable(),
  deployedAt: instant.nullable(),
  baselineVersion: z.string().nullable(),
  /** The report that it was decided by. */
  reportedAt: instant.nullable(),
  decidedAt: instant.nullable(),
  /** The release's page; a path where `api.publicUrl` is not set. */
  link: z.string(),
})
export type Gate = z.infer<typeof gateSchema>

export const SHADOW_ACTIONS = ['block', 'page'] as const

/** What would have been done to one deployment, had it not been on trial. */
export const shadowEventSchema = z.object({
  deploymentId: z.string(),
  service: z.string(),
  environment: z.string(),
  version: z.string(),
  action: z.enum(SHADOW_ACTIONS),
  outcome: z.enum(DEPLOYMENT_STATES),
  signals: z.array(z.string()),
  reason: z.string(),
  at: instant,
})
export type ShadowEvent = z.infer<typeof shadowEventSchema>

/** How often something on trial would have acted, each deployment once. */
export const shadowTallySchema = z.object({
  service: z.string(),
  environment: z.string(),
  action: z.enum(SHADOW_ACTIONS),
  /** A signal, or '' where the state as a whole is on trial. */
  signal: z.string(),
  outcome: z.enum(DEPLOYMENT_STATES),
  deployments: z.number(),
  /** Of all deployments of the service and environment in that time. */
  of: z.number(),
  /** Of `deployments`, those that people marked, of that signal or as a whole. */
  falseAlarms: z.number(),
  confirmed: z.number(),
  last: instant,
})
export type ShadowTally = z.infer<typeof shadowTallySchema>
