import { z } from 'zod'

/** What `postflight backfill` did not tell apart, or not keep, of a measure of a service: over all days on which that was so. */
export const historyRestSchema = z.object({
  /** A measure's id, `exception`, or `instance`: then of which version in which environment, else ''. */
  measure: z.string(),
  environment: z.string(),
  version: z.string(),
  /** True: streams of a cumulative metric are left out; false: values of the dimension, or instances, are put together. */
  streams: z.boolean(),
  /** Days (UTC) on which it was so: the first, the last and how many. */
  from: z.iso.date(),
  to: z.iso.date(),
  days: z.number(),
  /** Of the day with most of them: values (or streams) that are kept, and that are not. */
  kept: z.number(),
  values: z.number(),
  /** Of all those days: records of what is not kept, and of all. */
  records: z.number(),
  of: z.number(),
})
export type HistoryRest = z.infer<typeof historyRestSchema>
