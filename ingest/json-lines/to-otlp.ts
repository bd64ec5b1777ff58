import { MAX_DEPTH } from '../protobuf/any-value.ts'
import { Unreadable } from '../protobuf/unreadable.ts'
import { recordOf } from './record.ts'

export interface ConvertedLines {
  /** An OTLP/JSON `ExportLogsServiceRequest`. */
  readonly body: Buffer
  /** Log records in it. */
  readonly records: number
  /** Lines that are no log records, as they came. */
  readonly rejected: readonly RejectedLine[]
}

export interface RejectedLine {
  /** From 1. */
  readonly line: number
  readonly text: string
  readonly reason: Unreadable
}

/**
 * JSON lines (one object a line; empty lines are passed over) as one OTLP request, a resource for each service, version, environment
 * and instance in it.
 * @param defaults resource attributes for lines that do not say
 */
export function linesToOtlp(body: Buffer, defaults: Readonly<Record<string, string>>): ConvertedLines {
  const resources = new Map<string, { resource: Readonly<Record<string, string>>; records: unknown[] }>()
  const rejected: RejectedLine[] = []
  body
    .toString('utf8')
    .split('\n')
    .forEach((text, i) => {
      if (text.trim() === '') return
      try {
        const { resource, record } = recordOf(objectOf(text), defaults)
        const key = JSON.stringify(resource)
        const known = resources.get(key)
        if (known === undefined) resources.set(key, { resource, records: [record] })
        else known.records.push(record)
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error
        rejected.push({ line: i + 1, text, reason: error })
      }
    })
  const resourceLogs = [...resources.values()].map(({ resource, records }) => ({
    resource: {
      attributes: Object.entries(resource).map(([key, value]) => ({ key, value: { stringValue: value } })),
    },
    scopeLogs: [{ logRecords: records }],
  }))
  const records = [...resources.values()].reduce((sum, { records: some }) => sum + some.length, 0)
  return { body: Buffer.from(JSON.stringify({ resourceLogs })), records, rejected }
}

function objectOf(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Unreadable('JSON_INVALID', '', `Not JSON: ${error instanceof Error ? error.message : error}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Unreadable('JSON_INVALID', '', 'A line must be a JSON object')
  refuseDeep(value, 0)
  return value as Record<string, unknown>
}

/** As deep as values may be that are stored; deeper than the stack none is looked at. */
function refuseDeep(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > MAX_DEPTH) throw new Unreadable('NESTING_TOO_DEEP', '', `Nested more than ${MAX_DEPTH} deep`)
  for (const each of Object.values(value)) refuseDeep(each, depth + 1)
}
