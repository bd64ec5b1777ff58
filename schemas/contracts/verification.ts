import { z } from 'zod'
import { instant } from './instant.ts'
import { receiptSchema } from './report.ts'

/** What came out when a stored report was computed again. */
export const verificationSchema = z.object({
  deploymentId: z.string(),
  service: z.string(),
  version: z.string(),
  environment: z.string(),
  /** When the report that is verified was computed, and when it was verified. */
  computedAt: instant,
  verifiedAt: instant,
  /**
   * `same`: the same inputs gave the same numbers. `inputs_changed`: telemetry, quiet past, deployments or settings are not what they were, so the numbers may
   * differ for that reason. `method_changed`: the report was made by another method, so neither inputs nor numbers can be compared. `differs`: the same inputs gave other numbers, which is a fault.
   * `no_receipt`: the report is older than receipts; only its numbers were compared.
   */
  outcome: z.enum(['same', 'inputs_changed', 'method_changed', 'differs', 'no_receipt']),
  /** Which inputs are not what they were; none is named where the method has changed, for it may read and digest them otherwise. */
  changedInputs: z.array(receiptSchema.shape.inputs.keyof()),
  stored: receiptSchema.nullable(),
  recomputed: receiptSchema,
  /** Numbers and words that were compared, and those that differ by more than one in a million. */
  compared: z.number(),
  differences: z.array(
    z.object({
      signal: z.string(),
      dimension: z.string(),
      /** Path in the verdict, or `state` of the report (with an empty signal). */
      field: z.string(),
      stored: z.union([z.string(), z.number(), z.null()]),
      recomputed: z.union([z.string(), z.number(), z.null()]),
    }),
  ),
})
export type Verification = z.infer<typeof verificationSchema>
