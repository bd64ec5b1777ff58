import { z } from 'zod'
import { instant } from './instant.ts'

/** What people said of a verdict afterwards: it was wrong, it was right, or something was missed. */
export const MARKS = ['false_alarm', 'true', 'missed'] as const

/** `PUT /api/v1/deployments/{id}/marks`. */
export const newMarkSchema = z.strictObject({
  /** null takes it back. */
  mark: z.enum(MARKS).nullable(),
  /** '' is the deployment as a whole. */
  signal: z.string().max(200).default(''),
  dimension: z.string().max(1000).default(''),
  note: z.string().max(1000).default(''),
  /** Who says so. */
  by: z.string().trim().max(100).default(''),
})
export type NewMark = z.infer<typeof newMarkSchema>

export const markSchema = newMarkSchema.extend({
  deploymentId: z.string(),
  mark: z.enum(MARKS),
  at: instant,
})
export type Mark = z.infer<typeof markSchema>
