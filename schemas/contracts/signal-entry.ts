import { z } from 'zod'
import { BAD_DIRECTIONS, CRITICALITIES, SIGNAL_GROUPS, SIGNAL_KINDS } from '../signals/signal.ts'

/** A signal of the catalogue as the API shows it. */
export const signalEntrySchema = z.object({
  id: z.string(),
  title: z.string(),
  group: z.enum(SIGNAL_GROUPS),
  unit: z.string(),
  kind: z.enum(SIGNAL_KINDS),
  measures: z.array(z.string()),
  /** For `rate`: events per minute or per event of another measure. */
  per: z.string().nullable(),
  /** What it breaks down by; null where it does not. */
  dimension: z.string().nullable(),
  badDirection: z.enum(BAD_DIRECTIONS),
  smallestEffect: z.object({ ratio: z.number(), absolute: z.number() }),
  criticality: z.enum(CRITICALITIES),
})
export type SignalEntry = z.infer<typeof signalEntrySchema>
