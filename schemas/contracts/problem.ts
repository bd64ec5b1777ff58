import { z } from 'zod'

/** Problem details: RFC 9457, `application/problem+json`, with the code and hint of errors.ts. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  /** One of the codes of schemas/errors.ts. */
  code: z.string(),
  /** What to do. */
  hint: z.string(),
  /** True if the same call may succeed later. */
  retryable: z.boolean(),
  /** What was wrong with which field. */
  errors: z
    .array(
      z.object({
        /** Such as `query.limit` or `body.startedAt`. */
        field: z.string(),
        expected: z.string(),
        got: z.string(),
      }),
    )
    .optional(),
})
export type Problem = z.infer<typeof problemSchema>
