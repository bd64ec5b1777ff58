import { z } from 'zod'
import { CRITICALITIES, SIGNAL_KINDS } from '../signals/signal.ts'
import { instant } from './instant.ts'
import { DEPLOYMENT_STATES } from './report.ts'

export const RELATIONS = ['own', 'caller', 'callee'] as const

/** What the monitor knows of one series of a watched deployment. E-values are natural logarithms. */
export const watchedSignalSchema = z.object({
  service: z.string(),
  /** The deployment's own service, or one that calls it or is called by it. */
  relation: z.enum(RELATIONS),
  signal: z.string(),
  title: z.string(),
  unit: z.string(),
  kind: z.enum(SIGNAL_KINDS),
  criticality: z.enum(CRITICALITIES),
  /** '' = the service as a whole. */
  dimension: z.string(),
  /** Null: no change beyond what matters. */
  logE: z.number().nullable(),
  /** What it would have to reach for a page by itself. */
  logENeeded: z.number().nullable(),
  before: z.number(),
  after: z.number(),
  ratio: z.number().nullable(),
  /** Of the ratio, valid at all looks together; null where there is none. */
  interval: z.tuple([z.number(), z.number()]).nullable(),
  /** When the change began, as far as it can be told. */
  since: instant,
  /** Events (failures, slow requests; of a gauge the sum of its minutes) of the new version since then, out of how many. */
  events: z.number(),
  exposure: z.number(),
  /** True: a kind of event that was not there before. */
  fresh: z.boolean(),
  harm: z.number(),
  decided: z.enum(['worse', 'not_worse', 'open']),
  /** When it will be decided at this pace; null: it is, or time alone cannot. */
  decidedBy: instant.nullable(),
})

export const blameSchema = z.object({
  /** `release`: nothing speaks against it; `shared`: another deployment may be it as well; `elsewhere`: not about the release. */
  of: z.enum(['release', 'shared', 'elsewhere']),
  summary: z.string(),
  likelier: z
    .object({ id: z.string(), service: z.string(), version: z.string(), startedAt: z.number() })
    .nullable(),
})

export const watchSchema = z.object({
  deploymentId: z.string(),
  service: z.string(),
  environment: z.string(),
  version: z.string(),
  baselineVersion: z.string().nullable(),
  state: z.enum(DEPLOYMENT_STATES),
  /** One sentence. */
  headline: z.string(),
  openedAt: instant,
  closesAt: instant,
  lookedAt: instant,
  /** Minutes before this are complete. */
  completeTo: instant,
  /** The next step of the watch at which its standing is noted; null after the last. */
  nextStepAt: instant.nullable(),
  /** No telemetry of the service since; null: it is coming. */
  silentSince: instant.nullable(),
  /** Share of the newest requests on this version; null: unknown. */
  share: z.number().nullable(),
  requests: z.number(),
  /** The deployment's e-value over all its series (natural logarithm), and what it has to reach; null: no evidence at all. */
  logE: z.number().nullable(),
  threshold: z.number(),
  blame: blameSchema.nullable(),
  /** After a rollback: when it was, and since when all is back to normal. */
  rollback: z.object({ at: instant, normalSince: instant.nullable() }).nullable(),
  callers: z.array(z.string()),
  callees: z.array(z.string()),
  /** Those with most evidence first; the whole service of each signal, and dimensions as far as there is room. */
  signals: z.array(watchedSignalSchema),
  /** What a restarted monitor needs besides telemetry. */
  memory: z.object({
    calmSince: z.number().nullable(),
    ended: z.number(),
    endedAt: z.number().nullable(),
    stepsNoted: z.number(),
    /** Callers and callees that were not known at the start, and since when (seconds) they are watched. */
    joined: z
      .array(z.object({ service: z.string(), relation: z.enum(['caller', 'callee']), at: z.number() }))
      .default([]),
    /** How often the version has served again after what looked like a rollback. */
    returns: z.number().default(0),
  }),
})
export type Watch = z.infer<typeof watchSchema>

export const WATCH_EVENTS = [
  'opened',
  'joined',
  'step',
  'incident',
  'grown',
  'reopened',
  'resolved',
  'silent',
  'back',
  'rolled_back',
  'back_to_normal',
  'not_back_to_normal',
  'returned',
  'superseded',
  'closed',
] as const

export const watchEventSchema = z.object({
  id: z.string(),
  deploymentId: z.string(),
  at: instant,
  kind: z.enum(WATCH_EVENTS),
  summary: z.string(),
  /** Signals that it rests on. */
  signals: z.array(watchedSignalSchema),
})
export type WatchEvent = z.infer<typeof watchEventSchema>
