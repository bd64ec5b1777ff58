import { z } from 'zod'
import { instant } from './instant.ts'

export const ALERT_STATUSES = ['firing', 'resolved'] as const

/** How loud: wakes somebody, wants work in the day, or is for the record. Quiet hours let through `page` alone. */
export const SEVERITIES = ['page', 'ticket', 'note'] as const

/**
 * `regression` is the one incident of a deployment. The other two are Postflight's own: `heartbeat` fires as long as the monitor is alive and is
 * for those who notice when it stops (a dead man's switch); `monitor` says that the monitor is late or cannot see.
 */
export const ALERT_KINDS = ['regression', 'heartbeat', 'monitor'] as const

/** What whoever watches writes: one row an incident, the newest one counts. Who was told, and what people did about it, is not in it. */
export const incidentSchema = z.object({
  /** Made from what it is about (`regression-<deployment>`), so that two monitors, or one that was restarted, mean the same incident. */
  id: z.string(),
  kind: z.enum(ALERT_KINDS).default('regression'),
  /** '' for Postflight's own. */
  deploymentId: z.string(),
  service: z.string(),
  environment: z.string(),
  version: z.string(),
  status: z.enum(ALERT_STATUSES),
  severity: z.enum(SEVERITIES).default('page'),
  /** From 1. Grows with each change that people should hear of (a worse severity, more reasons, firing anew, the end); receivers are told once of each. */
  revision: z.int().min(1).default(1),
  startsAt: instant,
  endsAt: instant.nullable(),
  /** When it was last seen to be so. A heartbeat whose moment is minutes old is no sign of life. */
  updatedAt: instant.nullable().default(null),
  /** The title: what is worse, first reason first. */
  summary: z.string(),
  /** The top reasons in words, the most harmful first. */
  reasons: z.array(z.object({ signal: z.string(), dimension: z.string(), summary: z.string() })),
  /** Address of the report's page. */
  link: z.string(),
  /** Other evidence, one click away: a trace, a chart, the deployment that shares the blame. */
  links: z.array(z.object({ title: z.string(), url: z.string() })).default([]),
  /** Team or person that the service belongs to; '' if nobody said. */
  owner: z.string().default(''),
  /** True: kept and counted, never sent. */
  shadow: z.boolean().default(false),
  /** Why it ended: "rolled back", "superseded", "back to normal" ...; null while it fires. */
  resolution: z.string().nullable().default(null),
})
export type Incident = z.infer<typeof incidentSchema>

/** Whether it is about a release, and people are told of it: not on trial. */
export function isToldRegression({ kind, shadow }: Pick<Incident, 'kind' | 'shadow'>): boolean {
  return kind === 'regression' && !shadow
}

/** An incident with who was told and what people did about it. */
export const alertSchema = incidentSchema.extend({
  /** Who has taken it, and when; null: nobody. */
  acknowledged: z.object({ by: z.string(), at: instant }).nullable().default(null),
  /** When the mute that holds it ends; null: nothing holds it. */
  mutedUntil: instant.nullable().default(null),
  /** What each receiver was told last of each event, and what it said. */
  deliveries: z.array(
    z.object({
      receiver: z.string(),
      event: z.enum(['firing', 'acknowledged', 'resolved']),
      state: z.enum(['waiting', 'sent', 'given_up']),
      revision: z.number(),
      at: instant.nullable(),
      answer: z.string(),
      attempts: z.number(),
    }),
  ),
})
export type Alert = z.infer<typeof alertSchema>
