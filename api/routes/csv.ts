import type { FastifyRequest } from 'fastify'

export const CSV_TYPE = 'text/csv; charset=utf-8; header=present'

type Cell = string | number | boolean | null

/**
 * RFC 4180 with a header. Text that a spreadsheet would run as a formula gets an apostrophe in front: versions and routes come from outside.
 */
export function toCsv<Row>(
  rows: readonly Row[],
  columns: Readonly<Record<string, (row: Row) => Cell>>,
): string {
  const names = Object.keys(columns)
  const lines = rows.map((row) =>
    Object.values(columns)
      .map((column) => field(column(row)))
      .join(','),
  )
  return `${[names.join(','), ...lines].join('\r\n')}\r\n`
}

function field(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell !== 'string') return String(cell)
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** `format` decides; without it, the first of the two types that Accept names. */
export function wantsCsv(request: FastifyRequest, format: 'json' | 'csv' | undefined): boolean {
  if (format !== undefined) return format === 'csv'
  const accept = request.headers.accept ?? ''
  const csv = accept.indexOf('text/csv')
  const json = accept.indexOf('application/json')
  return csv >= 0 && (json < 0 || csv < json)
}
