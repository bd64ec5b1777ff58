import { z } from 'zod'
import { instant } from './instant.ts'

/** One alert a deployment: firing when its verdict turns to regressed, resolved when it no longer is. */
export const alertSchema = z.object({
  id: z.string(),
  deploymentId: z.string(),
  service: z.string(),
  environment: z.string(),
  version: z.string(),
  status: z.enum(['firing', 'resolved']),
  startsAt: instant,
  endsAt: instant.nullable(),
  summary: z.string(),
  /** The top reasons, in words. */
  reasons: z.array(z.object({ signal: z.string(), dimension: z.string(), summary: z.string() })),
  /** Address of the report's page. */
  link: z.string(),
  /** What each receiver was sent last, and whether it took it. */
  deliveries: z.array(
    z.object({
      receiver: z.string(),
      status: z.enum(['firing', 'resolved']),
      at: instant,
      ok: z.boolean(),
      error: z.string().nullable(),
      attempts: z.number(),
    }),
  ),
})
export type Alert = z.infer<typeof alertSchema>
