import { z } from 'zod'
import { reportSchema, verdictSchema, windowSchema } from './report.ts'

/** One signal compared between two releases: `before` is release a, `after` is release b. */
export const deltaSchema = verdictSchema.pick({
  signal: true,
  title: true,
  group: true,
  kind: true,
  unit: true,
  criticality: true,
  badDirection: true,
  dimension: true,
  dimensionTitle: true,
  word: true,
  summary: true,
  effectRatio: true,
  effectDifference: true,
  interval: true,
  intervalOf: true,
  compared: true,
  confidence: true,
  before: true,
  after: true,
})
export type Delta = z.infer<typeof deltaSchema>

const comparedReleaseSchema = z.object({
  version: z.string(),
  /** Telemetry that was read. */
  window: windowSchema,
})

export const comparisonSchema = z.object({
  service: z.string(),
  environment: z.string(),
  a: comparedReleaseSchema,
  b: comparedReleaseSchema,
  design: verdictSchema.shape.design,
  /** Most important first. */
  deltas: z.array(deltaSchema),
  /** Side by side: what was found against comparing the versions; absent in other designs. */
  comparability: reportSchema.shape.comparability,
  notes: z.array(z.string()),
})
export type Comparison = z.infer<typeof comparisonSchema>
