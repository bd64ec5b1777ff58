import { z } from 'zod'
import { BAD_DIRECTIONS, CRITICALITIES, SIGNAL_GROUPS, SIGNAL_KINDS } from '../signals/signal.ts'
import { deploymentSchema } from './deployment.ts'
import { instant } from './instant.ts'

/** What is said of one signal (and one of its dimensions) after a deployment. */
export const VERDICT_WORDS = ['regressed', 'improved', 'unchanged', 'inconclusive'] as const
export type VerdictWord = (typeof VERDICT_WORDS)[number]

/** What is said of a deployment; `watching` as long as its watch window is open and nothing has regressed. */
export const DEPLOYMENT_STATES = [
  'watching',
  'healthy',
  'regressed',
  'inconclusive',
  'superseded',
  'rolled_back',
  'no_data',
] as const
export type DeploymentState = (typeof DEPLOYMENT_STATES)[number]

const interval = z.tuple([z.number().nullable(), z.number().nullable()])

/** A summary of one side of a comparison. */
export const sideSchema = z.object({
  /** The signal's value: a rate, a share, the p95 of a distribution, the mean of a gauge; null where there is none. */
  value: z.number().nullable(),
  /** Events or samples. */
  count: z.number(),
  /** Bad events (ratio), or the events of a rate's denominator (`exposure`). */
  bad: z.number().nullable(),
  exposure: z.number().nullable(),
  /** Quantiles of a distribution, in the signal's unit. */
  quantiles: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable(),
  minutes: z.number(),
})

/** One quantile (or decile) of a distribution compared. */
export const quantileEffectSchema = z.object({
  quantile: z.number(),
  before: z.number(),
  after: z.number(),
  ratio: z.number().nullable(),
  interval,
})

/** How an overall change splits (Kitagawa 1955): traffic that moved between dimensions, and the dimensions themselves. */
export const mixSchema = z.object({
  total: z.number(),
  /** From the dimensions themselves: what the verdict uses. */
  rate: z.number(),
  /** From traffic moving between dimensions. */
  mix: z.number(),
  unit: z.string(),
})

export const verdictSchema = z.object({
  signal: z.string(),
  title: z.string(),
  group: z.enum(SIGNAL_GROUPS),
  kind: z.enum(SIGNAL_KINDS),
  unit: z.string(),
  criticality: z.enum(CRITICALITIES),
  badDirection: z.enum(BAD_DIRECTIONS),
  /** '' = the service as a whole. */
  dimension: z.string(),
  dimensionTitle: z.string().nullable(),
  word: z.enum(VERDICT_WORDS),
  /** A kind of event (exception, message) that was not there before, or is back after it was away, or is no more. */
  fact: z.enum(['new', 'resurfaced', 'gone']).nullable(),
  /** One sentence for people, with the numbers. */
  summary: z.string(),
  /** after / before; null where before is 0 or there is no such ratio. */
  effectRatio: z.number().nullable(),
  /** after - before, in the signal's unit. */
  effectDifference: z.number().nullable(),
  /** Confidence interval of `effectRatio` where there is one, else of `effectDifference`. */
  interval: interval,
  intervalOf: z.enum(['ratio', 'difference']),
  /** What the effect is of (`p50`, `geometric mean`, `rate` ...), and its levels as the method compares them; null where nothing was measured, absent in older reports. */
  compared: z.object({ statistic: z.string(), before: z.number(), after: z.number() }).nullable().optional(),
  /** Confidence level of `interval`, 0 to 1. */
  confidence: z.number(),
  /** Standard error of the effect for adding it to those of other releases: of the logarithm of `effectRatio`, or of `effectDifference`, as `intervalOf` says; null where not known so, absent in older reports. */
  standardError: z.number().nullable().optional(),
  pValue: z.number().nullable(),
  /** After control of the false-discovery rate over the deployment's family. */
  adjustedPValue: z.number().nullable(),
  smallestEffect: z.object({ ratio: z.number(), absolute: z.number() }),
  before: sideSchema,
  after: sideSchema,
  /** Minutes that were left out of `after`: what was found was there in them only, began later than the release, and was over. `raised`: their level lay above that of the others; `ratio`: by which factor, null where those had none. Null: no such minutes; absent in older reports. */
  episode: z
    .object({ from: instant, to: instant, raised: z.boolean(), ratio: z.number().nullable() })
    .nullable()
    .optional(),
  quantiles: z.array(quantileEffectSchema),
  mix: mixSchema.nullable(),
  /** Why it could not be decided and what it takes; null unless inconclusive. */
  needs: z
    .object({
      reason: z.string(),
      /** The smallest ratio that could have been seen with these data; null if not even that is known. */
      detectableRatio: z.number().nullable(),
      moreMinutes: z.number().nullable(),
      /** Requests, events or values that are still needed; absent in older reports. */
      moreExposure: z.number().nullable().optional(),
    })
    .nullable(),
  /** The design of the comparison, the statistical method and its version, such as 'quasi-poisson@1'. */
  design: z.enum(['side_by_side', 'before_after', 'before_after_seasonal']),
  method: z.string(),
  /** Whether p-values come from this series' own quiet past (placebos) and how many moments that is. */
  placebos: z.number(),
  /** Variance by that of independent events (1: none in excess), and correlation of one minute with the next, where the method measures them; absent in older reports. */
  dispersion: z.number().nullable().optional(),
  autocorrelation: z.number().nullable().optional(),
  /** Trace ids of examples after the release, worst first. */
  exemplars: z.array(z.object({ traceId: z.string(), time: instant, value: z.number().nullable() })),
})
export type Verdict = z.infer<typeof verdictSchema>

const digest = z.string().regex(/^[0-9a-f]{64}$/)

/**
 * What a report was computed from, so that it can be computed again: SHA-256 digests (hexadecimal) of the rollups that were read, of the quiet past that calibrated
 * it, of the deployments that laid its windows, and of the settings and signals in force. Nothing in a report is drawn by chance: there is no seed.
 */
export const receiptSchema = z.object({
  inputs: z.object({ telemetry: digest, quietPast: digest, deployments: digest, settings: digest }),
  /** Methods of the whole report, as in `method`. */
  method: z.string(),
})
export type Receipt = z.infer<typeof receiptSchema>

/** Something else that changed around a deployment, and may be what moved a signal. */
export const alsoMovedSchema = z.object({
  kind: z.enum(['deployment', 'traffic', 'instrumentation', 'sampling', 'incident']),
  /** When, where that is known. */
  at: instant.nullable(),
  summary: z.string(),
})
export type AlsoMoved = z.infer<typeof alsoMovedSchema>

/** Something that makes old and new version, side by side, less alike than the design supposes. */
export const comparabilitySchema = z.object({
  check: z.enum(['sample ratio', 'share over time', 'routes', 'hosts', 'warm caches']),
  /** True: the verdict is not to be relied on before this is explained. */
  doubtful: z.boolean(),
  pValue: z.number().nullable(),
  summary: z.string(),
})
export type Comparability = z.infer<typeof comparabilitySchema>

export const windowSchema = z.object({ from: instant, to: instant })

export const reportSchema = z.object({
  deployment: deploymentSchema,
  state: z.enum(DEPLOYMENT_STATES),
  /** True until the watch window has closed and its data are complete. */
  provisional: z.boolean(),
  /** The verdict in one sentence. */
  headline: z.string(),
  computedAt: instant,
  windows: z.object({
    before: windowSchema,
    rollout: windowSchema.nullable(),
    warmUp: windowSchema.nullable(),
    after: windowSchema,
    /** When the report becomes final. */
    finalAt: instant,
  }),
  baselineVersion: z.string().nullable(),
  design: z.enum(['side_by_side', 'before_after', 'before_after_seasonal']),
  /** Counts of verdict words over the family. */
  counts: z.object({
    regressed: z.number(),
    improved: z.number(),
    unchanged: z.number(),
    inconclusive: z.number(),
  }),
  /** Share of requests and number of instances on this version at the end of the after window. */
  adoption: z.object({
    share: z.number().nullable(),
    instances: z.number().nullable(),
    /** True: there are more instances, which are not told apart (`cardinality.instances`); else absent. */
    moreInstances: z.boolean().optional(),
    requests: z.number(),
  }),
  /** Requests of the after window that are not users', by kind of traffic. */
  otherTraffic: z.record(z.string(), z.number()),
  /** Most important first: regressed, then improved, unchanged, inconclusive; within a word by criticality and effect. */
  verdicts: z.array(verdictSchema),
  /** What else changed around it; absent in older reports. */
  alsoMoved: z.array(alsoMovedSchema).optional(),
  /** Side by side: what was found against comparing the versions; absent in older reports and other designs. */
  comparability: z.array(comparabilitySchema).optional(),
  /** Things a reader should know: no version in the telemetry, too short a past, cohorts that differ ... */
  notes: z.array(z.string()),
  method: z.string(),
  parameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
  /** Absent in reports that were made before there were receipts. */
  receipt: receiptSchema.optional(),
})
export type Report = z.infer<typeof reportSchema>
