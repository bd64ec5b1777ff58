import { z } from 'zod'
import { MARKS } from './mark.ts'

/**
 * What is varied, one at a time: `alpha`, the share of quiet deployments that may be called regressed; `relevantChange`, the factor on each signal's smallest effect
 * that matters (on the logarithm of its ratio, and on its absolute part); `minimumExposure`, requests (values) of the window after below which a series is not judged.
 */
export const VARIED = ['alpha', 'relevantChange', 'minimumExposure'] as const
export type Varied = (typeof VARIED)[number]

/** What each marked verdict of a deployment would have been with other settings, computed from the same inputs again. */
export const markEvaluationSchema = z.object({
  deploymentId: z.string(),
  service: z.string(),
  version: z.string(),
  environment: z.string(),
  /** `changed`: telemetry, quiet past, deployments, settings or methods are not what they were, so that nothing is said of the cases. */
  inputs: z.enum(['same', 'changed']),
  cases: z.array(
    z.object({
      /** '' is the deployment as a whole. */
      signal: z.string(),
      dimension: z.string(),
      mark: z.enum(MARKS),
      /** Whether it would be called regressed. Empty where the inputs have changed. */
      outcomes: z.array(
        z.object({
          varied: z.enum(VARIED),
          value: z.number(),
          /** True: the value in force. */
          inForce: z.boolean(),
          alarms: z.boolean(),
        }),
      ),
    }),
  ),
})
export type MarkEvaluation = z.infer<typeof markEvaluationSchema>
