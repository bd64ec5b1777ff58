import { z } from 'zod'
import { problemSchema } from '../../schemas/contracts/problem.ts'

const problemAnswer = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
})

const REASONS = {
  400: 'A parameter or the body is not as described; `errors` says which and how',
  401: 'A key is needed',
  403: 'The key has not the scope, or the request comes from another site',
  404: 'There is no such thing',
  409: 'It is there already',
  429: 'Too many requests without a right key',
  503: 'The store does not answer; try again',
} as const

/** Answers that are problem details, for the OpenAPI document. */
export function problems<S extends keyof typeof REASONS>(...statuses: S[]) {
  const all = [...statuses, 401, 403, 503] as const
  return Object.fromEntries(all.map((status) => [status, problemAnswer(REASONS[status])])) as Record<
    S | 401 | 403 | 503,
    ReturnType<typeof problemAnswer>
  >
}

/** A CSV file beside a JSON answer. */
export function jsonOrCsv<T extends z.ZodType>(schema: T) {
  return {
    description: 'JSON, or CSV by `Accept: text/csv` or `format=csv`',
    content: { 'application/json': { schema }, 'text/csv': { schema: z.string() } },
  }
}

export const formatSchema = z.enum(['json', 'csv']).optional().meta({ description: 'Overrides Accept' })

export const nameSchema = z.string().min(1).max(200)
