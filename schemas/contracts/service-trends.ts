import { z } from 'zod'
import { SIGNAL_GROUPS, SIGNAL_KINDS } from '../signals/signal.ts'
import { instant } from './instant.ts'

/** A number with its 95 % interval; null bounds: not known. */
const estimate = z.object({ value: z.number(), low: z.number().nullable(), high: z.number().nullable() })

/** What a change goes with. */
export const causeSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('release'),
    /** Versions deployed within the change's window; more than one cannot be told apart. */
    versions: z.array(z.string()),
    /** Share of moments of the period that would have been matched as well: near 1 the match says nothing. */
    byChance: z.number(),
  }),
  z.object({
    kind: z.literal('environment'),
    /** Changes of instrumentation or sampling that were seen within the window. */
    causes: z.array(z.string()),
  }),
  z.object({ kind: z.literal('unexplained') }),
])

export const trendChangeSchema = z.object({
  /** Start of the first step after the change. */
  at: instant,
  /** Where it may have been: starts of the first and last possible step (95 %). */
  earliest: instant,
  latest: instant,
  /** Fitted values on its two sides, season taken off, in the signal's unit. */
  before: z.number(),
  after: z.number(),
  /** after / before; null where the signal is zero or negative somewhere. */
  ratio: z.number().nullable(),
  /** Of no change between its neighbours, by permutation. */
  p: z.number(),
  /** p <= 0.01; only such are matched with releases. */
  established: z.boolean(),
  /** Too few steps since then to tell it from something that passes. */
  provisional: z.boolean(),
  cause: causeSchema,
})

export const signalTrendSchema = z.object({
  signal: z.string(),
  title: z.string(),
  group: z.enum(SIGNAL_GROUPS),
  kind: z.enum(SIGNAL_KINDS),
  unit: z.string(),
  /** Of `slope`: 'ratio' (1.05 is 5 % more) where all values are above zero; 'difference': in the signal's unit. */
  scale: z.enum(['ratio', 'difference']),
  /** Value of each step, null where nothing was measured. */
  values: z.array(z.number().nullable()),
  /** Steps of the season that was taken off; 0: none. */
  period: z.number(),
  /** Change in 30 days by the median slope, established changes of level taken off; null with too few values. */
  slope: estimate.extend({ /** Two-sided, of no monotone trend. */ p: z.number() }).nullable(),
  changes: z.array(trendChangeSchema),
  /** Values at the end that stand apart, too few to be a change yet. */
  possible: z.object({ at: instant, before: z.number(), after: z.number() }).nullable(),
  /** The sum of the releases' own effects; null where no release was compared. */
  creep: estimate
    .extend({
      /** Of the sum and its terms. */
      scale: z.enum(['ratio', 'difference']),
      p: z.number(),
      /** The same of the releases that were not called regressed or improved by themselves; null where there is none. */
      uncalled: estimate.extend({ p: z.number() }).nullable(),
      /** Slow creep: `uncalled` has p <= 1 % over all signals of the service (Holm) and is beyond the smallest effect that matters. */
      crept: z.boolean(),
      releases: z.array(
        estimate.extend({ version: z.string(), deploymentId: z.string(), startedAt: instant }),
      ),
      /** Releases that were not measured for this signal, or whose time before holds another release. */
      leftOut: z.number(),
    })
    .nullable(),
})
export type ServiceSignalTrend = z.infer<typeof signalTrendSchema>

/** How a service's signals went over a quarter: slopes, change points with their causes, and what releases add up to. */
export const serviceTrendsSchema = z.object({
  service: z.string(),
  environment: z.string(),
  from: instant,
  to: instant,
  /** Seconds between values: a day, or three hours where less than four weeks are known. */
  stepSeconds: z.number(),
  /** Starts of the steps. */
  times: z.array(instant),
  releases: z.array(z.object({ version: z.string(), deploymentId: z.string(), startedAt: instant })),
  /** What has most to say first. */
  signals: z.array(signalTrendSchema),
})
export type ServiceTrends = z.infer<typeof serviceTrendsSchema>
