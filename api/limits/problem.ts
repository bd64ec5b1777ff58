import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { Problem } from '../../schemas/contracts/problem.ts'
import { ERROR_CODES, type ErrorCode, PostflightError } from '../../schemas/errors.ts'

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

/** The mapping of every error to RFC 9457 problem details; what is not ours is told without its inner message. */
export function problemOf(error: unknown): Problem {
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
    const part = { querystring: 'query', params: 'path', body: 'body', headers: 'header' }[
      error.validationContext ?? 'body'
    ]
    const errors = error.validation.map((entry) => fieldError(part ?? 'body', entry))
    const names = errors.map((entry) => entry.field).join(', ')
    return problem('INVALID_REQUEST', `Invalid: ${names}.`, errors[0]?.expected ?? '', errors)
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

function fieldError(
  part: string,
  entry: { instancePath: string; message?: string | undefined; params?: unknown },
) {
  const issue = (entry.params as { issue?: Record<string, unknown> } | undefined)?.issue ?? {}
  const keys = Array.isArray(issue['keys']) ? ` (${(issue['keys'] as string[]).join(', ')})` : ''
  const path = entry.instancePath.replaceAll('/', '.')
  return {
    field: `${part}${path}`,
    expected: `${String(issue['message'] ?? entry.message ?? 'something else')}${keys}`,
    got: 'input' in issue ? (JSON.stringify(issue['input']) ?? 'nothing').slice(0, 200) : 'see the request',
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
