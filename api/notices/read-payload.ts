import { z } from 'zod'
import { PostflightError } from '../../schemas/errors.ts'

const TITLES = { github: 'GitHub', gitlab: 'GitLab', argocd: 'Argo CD', cdevents: 'CDEvents' } as const

/** @throws PostflightError INVALID_REQUEST */
export function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    throw new PostflightError('INVALID_REQUEST', 'The body is not JSON.', {
      hint: 'Send the notice as application/json, in UTF-8.',
      details: { errors: [{ field: 'body', expected: 'JSON', got: (error as Error).message.slice(0, 200) }] },
    })
  }
}

/** A payload by the part of its sender's schema that is read here. @throws PostflightError INVALID_REQUEST that names each bad field */
export function readPayload<T extends z.ZodType>(
  schema: T,
  payload: unknown,
  sender: keyof typeof TITLES,
): z.infer<T> {
  const parsed = schema.safeParse(payload)
  if (parsed.success) return parsed.data
  const errors = parsed.error.issues.map((issue) => ({
    field: ['body', ...issue.path.map(String)].join('.'),
    expected: issue.message.replace(/^Invalid (input|option): expected /, '').replace(/, received .*$/, ''),
    got: shown(issue.path.reduce<unknown>((value, step) => (value as never)?.[step], payload)),
  }))
  throw new PostflightError(
    'INVALID_REQUEST',
    `This is no deployment as ${TITLES[sender]} tells of it: ${errors.map(({ field }) => field).join(', ')}.`,
    {
      hint: errors.map(({ field, expected }) => `${field}: expected ${expected}`).join('; '),
      details: { errors },
    },
  )
}

/** Only what kind of thing it is, and short text: a payload may hold what is nobody's business. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  return (JSON.stringify(value) ?? typeof value).slice(0, 100)
}

/** A moment with an offset or as UTC, as ISO 8601 in UTC. */
export const moment = z.string().transform((text, context) => {
  // GitLab writes `2021-04-28 21:50:00 +0200`.
  const told = text.replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/, '$1T$2$3:$4')
  const time = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(told) ? Date.parse(told) : Number.NaN
  if (!Number.isNaN(time)) return new Date(time).toISOString()
  context.addIssue({ code: 'custom', message: 'an instant with its offset, such as 2026-03-01T12:00:00Z' })
  return z.NEVER
})

export const name = z.string().trim().min(1).max(200)
/** Something that is only shown. */
export const note = z.string().max(2000).nullish()
