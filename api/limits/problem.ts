import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { Problem } from '../../schemas/contracts/problem.ts'
import { ERROR_CODES, type ErrorCode, PostflightError } from '../../schemas/errors.ts'
import { expectation } from '../../schemas/expectation.ts'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** What Fastify itself refuses, in our codes. */
const FASTIFY_CODES: Readonly<Record<string, { code: ErrorCode; hint: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'PAYLOAD_TOO_LARGE', hint: 'Send at most 1 MiB.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'UNSUPPORTED_MEDIA_TYPE',
    hint: 'Send JSON, with Content-Type: application/json.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'INVALID_REQUEST', hint: 'Send a JSON object.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'INVALID_REQUEST', hint: 'The body is not JSON.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { code: 'INVALID_REQUEST', hint: 'Send the whole body.' },
  FST_ERR_BAD_URL: { code: 'INVALID_REQUEST', hint: 'Percent-encode what stands in the path.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'INVALID_REQUEST', hint: 'A part of the path is too long.' },
  FST_CSRF_MISSING_SECRET: {
    code: 'FORBIDDEN',
    hint: 'Reload the page, with cookies allowed, and send the form again.',
  },
  FST_CSRF_INVALID_TOKEN: { code: 'FORBIDDEN', hint: 'Reload the page and send the form again.' },
}

const PARTS: Readonly<Record<string, { name: string; of: keyof Asked }>> = {
  querystring: { name: 'query', of: 'query' },
  params: { name: 'path', of: 'params' },
  body: { name: 'body', of: 'body' },
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'A key is needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Too slow',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  429: 'Too many requests',
  502: 'The store failed',
  503: 'Not available now',
}

/** The parts of a request, to tell what was got. */
interface Asked {
  readonly query?: unknown
  readonly params?: unknown
  readonly body?: unknown
}

/** The mapping of every error to RFC 9457 problem details; what is not ours is told without its inner message. */
export function problemOf(error: unknown, request: Asked = {}): Problem {
  if (error instanceof PostflightError) {
    const errors = error.details['errors']
    return problem(
      error.code,
      error.message,
      error.hint,
      Array.isArray(errors) ? (errors as Problem['errors']) : undefined,
    )
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const context = error.validationContext ?? 'body'
    const part = PARTS[context] ?? { name: 'body', of: 'body' as const }
    const errors = error.validation.flatMap((entry) => fieldErrors(part.name, request[part.of], entry))
    const names = errors.map((entry) => entry.field).join(', ')
    return problem('INVALID_REQUEST', `Invalid: ${names}.`, hintOf(errors), errors)
  }
  const known = FASTIFY_CODES[codeOf(error)]
  if (known !== undefined) return problem(known.code, (error as Error).message, known.hint)
  return problem('INTERNAL', 'Something went wrong here.', 'The log says more.')
}

function problem(code: ErrorCode, detail: string, hint: string, errors?: Problem['errors']): Problem {
  const { status, retryable } = ERROR_CODES[code]
  return {
    type: `urn:postflight:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: TITLES[status] ?? 'Internal error',
    status,
    detail,
    code,
    hint,
    retryable,
    ...(errors === undefined ? {} : { errors }),
  }
}

function fieldErrors(
  part: string,
  sent: unknown,
  entry: { instancePath: string; message?: string | undefined; params?: unknown },
): { field: string; expected: string; got: string }[] {
  const issue = (entry.params ?? {}) as Record<string, unknown>
  const path = entry.instancePath.split('/').filter((step) => step !== '')
  const unknown = issue['keys']
  if (Array.isArray(unknown)) {
    return unknown.map((key) => ({
      field: [part, ...path, String(key)].join('.'),
      expected: 'no such field',
      got: shown(valueAt(sent, [...path, String(key)])),
    }))
  }
  return [
    {
      field: [part, ...path].join('.'),
      // Zod says what it made of the text; what was sent stands in `got`.
      expected: expectation(entry.message ?? 'something else'),
      got: shown(valueAt(sent, path)),
    },
  ]
}

function hintOf(errors: readonly { field: string; expected: string; got: string }[]): string {
  return errors.map(({ field, expected, got }) => `${field}: expected ${expected}, got ${got}`).join('; ')
}

function valueAt(sent: unknown, path: readonly string[]): unknown {
  let value = sent
  for (const step of path) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined
  }
  return value
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 200)
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
