import { z } from 'zod'
import { SEVERITIES } from './alert.ts'
import { instant } from './instant.ts'

export const NOTIFICATION_STATES = ['waiting', 'sent', 'superseded', 'given_up'] as const

/** What one receiver was told, or is to be told: an entry of the outbox. */
export const notificationSchema = z.object({
  receiver: z.string(),
  /** The same for every attempt. */
  id: z.string(),
  /** Id of the alert or deployment. */
  subject: z.string(),
  event: z.enum(['firing', 'acknowledged', 'resolved', 'deployment']),
  revision: z.number(),
  severity: z.enum(SEVERITIES),
  service: z.string(),
  environment: z.string(),
  title: z.string(),
  link: z.string(),
  /** `superseded`: something newer on the same alert was told in its place. `given_up`: the receiver refused it, or was away for a day. */
  state: z.enum(NOTIFICATION_STATES),
  attempts: z.number(),
  createdAt: instant,
  /** The last attempt; null: none yet. */
  attemptedAt: instant.nullable(),
  /** When it is tried next, if it waits. */
  nextAt: instant,
  /** What the receiver said last. */
  answer: z.string(),
})
export type Notification = z.infer<typeof notificationSchema>
