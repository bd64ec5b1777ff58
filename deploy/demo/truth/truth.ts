import { z } from 'zod'

/** What a deployment of the history does. `none`: the release changes nothing. `fix`: it undoes what an earlier one did. */
export const EFFECT_KINDS = [
  'none',
  'latency',
  'new_exception',
  'n_plus_one',
  'memory_leak',
  'error_ratio',
  'improvement',
  'traffic_mix',
  'fix',
] as const
export type EffectKind = (typeof EFFECT_KINDS)[number]

export const effectSchema = z.strictObject({
  kind: z.enum(EFFECT_KINDS),
  /** The signal (schemas/signals) in which it shows first; null where nothing does. */
  signal: z.string().nullable(),
  /** The dimension in which it shows: a route, a statement, an exception; '' = the service as a whole. */
  dimension: z.string(),
  /** after / before; null where there was none before, or nothing changes. */
  ratio: z.number().positive().nullable(),
  /** New exceptions only: the route that throws, and the share of its requests that do. */
  thrownBy: z.strictObject({ route: z.string(), share: z.number().gt(0).lt(1) }).optional(),
  /** What a good report says of that signal and dimension; `quiet`: nothing may be called regressed. */
  expected: z.enum(['regressed', 'improved', 'quiet']),
  description: z.string(),
})
export type Effect = z.infer<typeof effectSchema>

export const plannedDeploymentSchema = z.strictObject({
  service: z.enum(['gateway', 'checkout', 'catalogue']),
  version: z.string(),
  replaces: z.string(),
  /** Minutes from the roll-out's start to the last midnight (UTC) of the history. */
  minutesBeforeMidnight: z.number().int().positive(),
  rollout: z.discriminatedUnion('kind', [
    /** Traffic moves to the new version within `minutes`. */
    z.strictObject({ kind: z.literal('switch'), minutes: z.number().int().positive() }),
    /** Both versions serve for `minutes`, the new one `share` of the traffic; then it takes all. */
    z.strictObject({
      kind: z.literal('side_by_side'),
      minutes: z.number().int().positive(),
      share: z.number().gt(0).lt(1),
    }),
  ]),
  /** Whether a pipeline tells of it, or it has to be discovered from the telemetry. */
  told: z.enum(['api', 'discovered']),
  effect: effectSchema,
})
export type PlannedDeployment = z.infer<typeof plannedDeploymentSchema>

/** The truth of one seed; times are relative, so that it is the same on any day. */
export const truthSchema = z.strictObject({
  seed: z.number().int().nonnegative(),
  days: z.number().int().positive(),
  environment: z.string(),
  /** The versions that run when the history begins. */
  initial: z.record(z.string(), z.string()),
  /** Oldest first. */
  deployments: z.array(plannedDeploymentSchema),
})
export type Truth = z.infer<typeof truthSchema>
