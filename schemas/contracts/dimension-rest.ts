import { z } from 'zod'
import { instant } from './instant.ts'

/** A dimension of a service with too many values to be told apart, a metric with too many streams to be kept, or a version with too many instances, as of the last look. */
export const dimensionRestSchema = z.object({
  /** A measure's id, `exception`, or `instance`: then of which version in which environment, else ''. */
  measure: z.string(),
  environment: z.string(),
  version: z.string(),
  at: instant,
  /** True: streams of a cumulative metric are left out; false: values of the dimension, or instances, are put together. */
  streams: z.boolean(),
  /** Values that are told apart, or streams that are kept; true: more values would be if there were room (`cardinality.values`, `cardinality.instances`). */
  kept: z.number(),
  full: z.boolean(),
  /** In so many minutes before `at`: other values (or streams), their records, and records of all. */
  minutes: z.number(),
  values: z.number(),
  records: z.number(),
  of: z.number(),
})
export type DimensionRest = z.infer<typeof dimensionRestSchema>
