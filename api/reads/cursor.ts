import { PostflightError } from '../../schemas/errors.ts'

/** Where a page ended: the sort value and the id of its last item. */
export interface Cursor {
  readonly sort: string
  readonly value: string
  readonly id: string
}

export function encodeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify([cursor.sort, cursor.value, cursor.id])).toString('base64url')
}

/** @throws PostflightError INVALID_REQUEST if it is no cursor of this list under this sorting */
export function decodeCursor(text: string, sort: string): Cursor {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    parts = undefined
  }
  if (Array.isArray(parts) && parts.length === 3 && parts.every((part) => typeof part === 'string')) {
    const [of, value, id] = parts as [string, string, string]
    if (of === sort) return { sort, value, id }
  }
  throw new PostflightError('INVALID_REQUEST', 'The cursor does not belong to this list and sorting.', {
    hint: 'Take `nextCursor` from the page before and keep the same filters and `sort`.',
    details: {
      errors: [{ field: 'query.cursor', expected: 'a nextCursor of this list', got: text.slice(0, 60) }],
    },
  })
}
