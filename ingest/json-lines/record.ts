import { Unreadable } from '../protobuf/unreadable.ts'

/** A log record and its resource, as OTLP/JSON has them. */
export interface LineRecord {
  readonly resource: Readonly<Record<string, string>>
  readonly record: Readonly<Record<string, unknown>>
}

/** Names under which loggers write the same thing, the first that is there counts; those of pino, winston, zap, logback, structlog, ECS. */
const TIME = ['timestamp', '@timestamp', 'time', 'ts', 'timeUnixNano', 'datetime']
const LEVEL = ['severity', 'level', 'log.level', 'severityText', 'lvl', 'levelname']
const BODY = ['body', 'message', 'msg', 'event', 'log']
const TRACE = ['trace_id', 'traceId', 'trace.id', 'dd.trace_id', 'traceid']
const SPAN = ['span_id', 'spanId', 'span.id', 'spanid']
const RESOURCE: Readonly<Record<string, readonly string[]>> = {
  'service.name': ['service.name', 'service_name', 'service', 'app'],
  'service.version': ['service.version', 'service_version', 'version', 'release'],
  'deployment.environment.name': [
    'deployment.environment.name',
    'deployment.environment',
    'service.environment',
    'environment',
    'env',
  ],
  'service.instance.id': ['service.instance.id', 'service.node.name', 'instance', 'hostname', 'host'],
}
const EXCEPTION: Readonly<Record<string, readonly string[]>> = {
  'exception.type': [
    'exception.type',
    'error.type',
    'err.type',
    'err.name',
    'error.name',
    'exception.class',
    'error.kind',
  ],
  'exception.message': ['exception.message', 'error.message', 'err.message'],
  'exception.stacktrace': [
    'exception.stacktrace',
    'error.stack_trace',
    'error.stack',
    'err.stack',
    'exception.stack',
    'stack_trace',
    'stacktrace',
    'stack',
    'exc_info',
  ],
}

/** Least severity number of each word (OpenTelemetry logs data model, "Displaying severity"). */
const SEVERITY: Readonly<Record<string, number>> = {
  trace: 1,
  verbose: 1,
  silly: 1,
  debug: 5,
  info: 9,
  information: 9,
  http: 9,
  notice: 10,
  warn: 13,
  warning: 13,
  error: 17,
  err: 17,
  severe: 17,
  critical: 21,
  crit: 21,
  fatal: 21,
  alert: 22,
  emergency: 24,
  emerg: 24,
  panic: 24,
}

/** Objects nested deeper than this are kept as JSON text. */
const MAX_DEPTH = 8

/**
 * One object of a JSON lines log as an OTLP log record. Nested objects become attributes with dotted names; what the record has a
 * place for (time, severity, body, trace, resource, exception) is taken from the names that loggers use.
 * @param defaults resource attributes for lines that do not say
 * @throws Unreadable JSON_INVALID if the line's time cannot be read
 */
export function recordOf(
  line: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, string>>,
): LineRecord {
  const fields = new Map<string, unknown>()
  flatten(line, '', 0, fields)
  const take = (names: readonly string[]): unknown => {
    const name = names.find((one) => isGiven(fields.get(one)))
    if (name === undefined) return undefined
    const value = fields.get(name)
    fields.delete(name)
    return value
  }
  const resource: Record<string, string> = { ...defaults }
  for (const [attribute, names] of Object.entries(RESOURCE)) {
    const value = take(names)
    if (value !== undefined) resource[attribute] = textOf(value)
  }
  resource['service.name'] ??= 'unknown_service'
  const record: Record<string, unknown> = {}
  const time = take(TIME)
  if (time !== undefined) record['timeUnixNano'] = nanoseconds(time)
  const level = take(LEVEL)
  if (level !== undefined) Object.assign(record, severityOf(level))
  const body = take(BODY)
  if (body !== undefined) record['body'] = anyValue(body)
  const trace = take(TRACE)
  const span = take(SPAN)
  if (isHex(trace, 32)) record['traceId'] = trace
  else if (trace !== undefined) fields.set('trace_id', trace)
  if (isHex(span, 16)) record['spanId'] = span
  else if (span !== undefined) fields.set('span_id', span)
  for (const [attribute, names] of Object.entries(EXCEPTION)) {
    const value = take(names)
    if (value !== undefined) fields.set(attribute, textOf(value))
  }
  nameException(fields)
  record['attributes'] = [...fields].flatMap(([key, value]) =>
    isGiven(value) ? [{ key, value: anyValue(value) }] : [],
  )
  return { resource, record }
}

function flatten(
  value: Readonly<Record<string, unknown>>,
  prefix: string,
  depth: number,
  into: Map<string, unknown>,
): void {
  for (const [name, content] of Object.entries(value)) {
    const key = prefix === '' ? name : `${prefix}.${name}`
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
      if (depth < MAX_DEPTH) flatten(content as Record<string, unknown>, key, depth + 1, into)
      else into.set(key, JSON.stringify(content))
    } else into.set(key, content)
  }
}

/** A stack whose first line names what was thrown: where the logger did not. */
function nameException(fields: Map<string, unknown>): void {
  const stack = fields.get('exception.stacktrace')
  if (typeof stack !== 'string' || fields.has('exception.type')) return
  const lines = stack.trim().split('\n')
  // Python's comes last.
  const said = /^Traceback /.test(lines[0] ?? '') ? lines.at(-1) : lines[0]
  const named = /^(?:Exception in thread "[^"]*" )?([A-Za-z_$][\w.$:]*)(?:: (.*))?$/.exec(said?.trim() ?? '')
  if (named?.[1] === undefined) return
  fields.set('exception.type', named[1])
  if (named[2] !== undefined && !fields.has('exception.message')) fields.set('exception.message', named[2])
}

function severityOf(level: unknown): { severityNumber?: number; severityText: string } {
  if (typeof level === 'number') {
    // pino and bunyan: 10 trace to 60 fatal.
    const severityNumber = Math.min(6, Math.max(1, Math.floor(level / 10))) * 4 - 3
    return { severityNumber, severityText: String(level) }
  }
  const severityText = textOf(level)
  const severityNumber = SEVERITY[severityText.toLowerCase()]
  return severityNumber === undefined ? { severityText } : { severityNumber, severityText }
}

/** Nanoseconds since 1970 as text, from ISO 8601 or a number of seconds, milli-, micro- or nanoseconds, told by its size. */
function nanoseconds(time: unknown): string {
  const number =
    typeof time === 'number' ? time : /^\d+(\.\d+)?$/.test(textOf(time)) ? Number(time) : undefined
  // JSON may say 1e999, which JavaScript reads as Infinity.
  if (number === undefined || !Number.isFinite(number)) {
    const text = textOf(time)
    const parsed = Date.parse(text)
    if (Number.isNaN(parsed)) {
      throw new Unreadable(
        'JSON_INVALID',
        'timestamp',
        `The time must be ISO 8601 or a number since 1970, not ${JSON.stringify(text.slice(0, 60))}`,
      )
    }
    // Date holds milliseconds; digits beyond them are kept.
    const fraction = /[.,](\d{4,9})/.exec(text)?.[1]?.padEnd(9, '0')
    return fraction === undefined
      ? `${parsed}000000`
      : `${BigInt(Math.floor(parsed / 1000)) * 1_000_000_000n + BigInt(fraction)}`
  }
  const size = Math.abs(number)
  if (typeof time === 'string' && size >= 1e17 && /^\d+$/.test(time)) return time
  const factor = size < 1e11 ? 1e9 : size < 1e14 ? 1e6 : size < 1e17 ? 1e3 : 1
  // In two steps: a double holds no nanoseconds of today.
  const whole = Math.trunc(number)
  return `${BigInt(whole) * BigInt(factor) + BigInt(Math.round((number - whole) * factor))}`
}

function anyValue(value: unknown): Record<string, unknown> {
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: value } : { doubleValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: value.filter(isGiven).map(anyValue) } }
  return { stringValue: textOf(value) }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

function isHex(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length === length && /^[0-9a-f]+$/i.test(value)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
