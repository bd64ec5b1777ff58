import { z } from 'zod'
import { instant } from './instant.ts'

/** `write` includes `read`; `admin` includes all. `ingest` is for senders of telemetry and reads nothing. */
export const SCOPES = ['ingest', 'read', 'write', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

export const newKeySchema = z.strictObject({
  name: z.string().trim().min(1).max(100),
  scopes: z.array(z.enum(SCOPES)).min(1),
})

export const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  createdAt: instant,
  revokedAt: instant.nullable(),
})
export type Key = z.infer<typeof keySchema>

/** The only answer that ever holds the key itself. */
export const createdKeySchema = keySchema.extend({
  key: z.string().meta({ description: 'Shown this once: only its hash is kept' }),
})
export type CreatedKey = z.infer<typeof createdKeySchema>
