import { z } from 'zod'
import { instant } from './instant.ts'

/** A dimension of a service with too many values to be told apart, as of the last look. */
export const dimensionRestSchema = z.object({
  /** A measure's id, or `exception`. */
  measure: z.string(),
  at: instant,
  /** Values that are told apart; true: more would be if there were room (`cardinality.values`). */
  kept: z.number(),
  full: z.boolean(),
  /** In so many minutes before `at`: other values, their records, and records of all values. */
  minutes: z.number(),
  values: z.number(),
  records: z.number(),
  of: z.number(),
})
export type DimensionRest = z.infer<typeof dimensionRestSchema>
