import fc from 'fast-check'
import type protobuf from 'protobufjs'
import protobufjs from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { Intake, type SignalKind } from '../../ingest/intake.ts'
import { jsonToProtobuf } from '../../ingest/json/to-protobuf.ts'
import type { Block } from '../../ingest/native/block.ts'
import { LogsTranscoder } from '../../ingest/protobuf/logs.ts'
import { type MetricsBlocks, MetricsTranscoder } from '../../ingest/protobuf/metrics.ts'
import { TracesTranscoder } from '../../ingest/protobuf/traces.ts'
import { Unreadable } from '../../ingest/protobuf/unreadable.ts'
import { Scrubber } from '../../ingest/scrub/scrubber.ts'
import { LogsBlock } from '../../ingest/tables/otel-logs.ts'
import {
  newExponentialHistogramBlock,
  newGaugeBlock,
  newHistogramBlock,
  newSumBlock,
  newSummaryBlock,
} from '../../ingest/tables/otel-metrics.ts'
import { TracesBlock } from '../../ingest/tables/otel-traces.ts'
import { SCRUB_RULES, scrubSchema } from '../../schemas/scrub.ts'
import { expectedLogs, expectedPoints, expectedSpans } from './expected-rows.ts'
import { readBlock } from './native-reader.ts'
import { encode, fieldsIn, fieldsOf, official, otlpJson } from './official.ts'
import { logsRequest, metricsRequest, tracesRequest } from './otlp-arbitrary.ts'

const NOW = Date.UTC(2026, 10, 23, 12)
const REQUESTS = { logs: logsRequest(NOW), traces: tracesRequest(NOW), metrics: metricsRequest(NOW) } as const
const SIGNALS = ['logs', 'traces', 'metrics'] as const
// One transcoder for all: what a record leaves behind must not show in the next.
// Nothing is scrubbed, for random texts and numbers look like card numbers now and then.
const scrubber = new Scrubber(scrubSchema.parse({ off: SCRUB_RULES }))
const logs = new LogsTranscoder(scrubber)
const traces = new TracesTranscoder(scrubber)
const metrics = new MetricsTranscoder(scrubber)

type Rows = Record<string, Record<string, unknown>[]>

function newIntake(): Intake {
  return new Intake(NOW, 86_400_000, 3_600_000, 1e9)
}

function rowsOf(block: Block): Record<string, unknown>[] {
  return readBlock(Buffer.concat(block.encode()))
}

function transcode(signal: SignalKind, request: Buffer, intake: Intake): Rows {
  if (signal === 'logs') {
    const block = new LogsBlock()
    logs.transcode(request, block, intake)
    // Templates come of more than one message: they have their own tests.
    return { logs: rowsOf(block).map(({ TemplateId: _, Template: __, ...row }) => row) }
  }
  if (signal === 'traces') {
    const block = new TracesBlock()
    traces.transcode(request, block, intake)
    return { traces: rowsOf(block) }
  }
  const blocks: MetricsBlocks = {
    gauge: newGaugeBlock(),
    sum: newSumBlock(),
    histogram: newHistogramBlock(),
    exponentialHistogram: newExponentialHistogramBlock(),
    summary: newSummaryBlock(),
  }
  metrics.transcode(request, blocks, intake)
  return Object.fromEntries(Object.entries(blocks).map(([name, block]) => [name, rowsOf(block as Block)]))
}

function expected(signal: SignalKind, request: Buffer): Rows {
  const type: protobuf.Type = official[signal]
  const message = type.toObject(type.decode(request), { longs: String })
  if (signal === 'logs') return { logs: expectedLogs(message, NOW) }
  if (signal === 'traces') return { traces: expectedSpans(message) }
  return expectedPoints(message)
}

describe.each(SIGNALS)('%s', (signal) => {
  it('become the rows that an official decoder would have made of the message', () => {
    fc.assert(
      fc.property(REQUESTS[signal], (message) => {
        const request = encode(official[signal], message)
        const intake = newIntake()
        const rows = transcode(signal, request, intake)
        expect(intake.rejections).toEqual([])
        expect(rows).toEqual(expected(signal, request))
        expect(intake.accepted).toBe(Object.values(rows).flat().length)
      }),
      { numRuns: 300 },
    )
  })

  it('mean the same in JSON', () => {
    fc.assert(
      fc.property(REQUESTS[signal], (message) => {
        const intake = newIntake()
        const request = jsonToProtobuf(signal, Buffer.from(otlpJson(message)), intake)
        expect(intake.rejections).toEqual([])
        expect(transcode(signal, request, intake)).toEqual(
          expected(signal, encode(official[signal], message)),
        )
      }),
      { numRuns: 150 },
    )
  })

  it('keep their meaning with unknown fields in every message and all numbers longer than need be', () => {
    fc.assert(
      fc.property(REQUESTS[signal], fc.nat({ max: UNKNOWN.length - 1 }), (message, unknown) => {
        const request = encode(official[signal], message)
        const padded = longer(official[signal], request, unknown)
        const intake = newIntake()
        expect(transcode(signal, padded, intake)).toEqual(expected(signal, request))
        expect(intake.rejections).toEqual([])
      }),
      { numRuns: 100 },
    )
  })

  it('that are cut off are refused where an official decoder refuses them, and only there', () => {
    let refused = 0
    fc.assert(
      fc.property(REQUESTS[signal], fc.nat(), (message, cut) => {
        const whole = encode(official[signal], message)
        const request = whole.subarray(0, cut % (whole.length + 1))
        const intake = newIntake()
        let rows: Rows
        try {
          rows = expected(signal, request)
        } catch {
          refused++
          expect(() => transcode(signal, request, intake)).toThrow(Unreadable)
          return
        }
        expect(transcode(signal, request, intake)).toEqual(rows)
        expect(intake.rejections).toEqual([])
      }),
      { numRuns: 300 },
    )
    expect(refused).toBeGreaterThan(50)
  })

  it('have every field that there is, and each is stored but those that are said not to be', () => {
    const type: protobuf.Type = official[signal]
    const requests = fc
      .sample(REQUESTS[signal], { seed: 20261126, numRuns: 250 })
      .map((message) => encode(type, message))
      .map((request) => ({ request, fields: fieldsIn(type, request), rows: told(signal, request) }))
    const unseen = new Set(fieldsOf(type))
    const unstored: string[] = []
    for (const field of fieldsOf(type)) {
      const having = requests.filter(({ fields }) => fields.has(field))
      if (having.length > 0) unseen.delete(field)
      // Without the field, some request says something else.
      const matters = having.some(({ request, rows }) => told(signal, without(type, request, field)) !== rows)
      if (!matters) unstored.push(field)
    }
    expect([...unseen]).toEqual([])
    expect(unstored.toSorted()).toEqual(NOT_STORED[signal].toSorted())
  })

  it('that are cut off or damaged are refused or put aside, and never do more', () => {
    let refused = 0
    let putAside = 0
    fc.assert(
      fc.property(
        REQUESTS[signal],
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(), { nil: undefined }),
        (message, changes, cut) => {
          const bytes = encode(official[signal], message)
          if (bytes.length === 0) return
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          const damaged = cut === undefined ? bytes : bytes.subarray(0, cut % bytes.length)
          const intake = newIntake()
          try {
            const rows = transcode(signal, damaged, intake)
            // Blocks that were rolled back record by record must still be whole.
            expect(Object.values(rows).flat().length).toBe(intake.accepted)
            putAside += intake.rejections.length
          } catch (error) {
            expect(error).toBeInstanceOf(Unreadable)
            refused++
          }
        },
      ),
      { numRuns: 1_500 },
    )
    expect(refused).toBeGreaterThan(50)
    expect(putAside).toBeGreaterThan(10)
  })

  it('of random bytes are refused or empty', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const intake = newIntake()
        try {
          transcode(signal, Buffer.from(bytes), intake)
        } catch (error) {
          expect(error).toBeInstanceOf(Unreadable)
        }
      }),
      { numRuns: 3_000 },
    )
  })
})

/** Fields that no column has: the tables are those of the Collector's ClickHouse exporter, which leaves them out too. */
const DROPPED_ATTRIBUTES = 'droppedAttributesCount'
const ENTITY_FIELDS = ['schemaUrl', 'type', 'idKeys', 'descriptionKeys'].map((name) => `EntityRef.${name}`)
const OF_RESOURCE = [`Resource.${DROPPED_ATTRIBUTES}`, 'Resource.entityRefs', ...ENTITY_FIELDS]
const NOT_STORED: Readonly<Record<SignalKind, readonly string[]>> = {
  logs: [...OF_RESOURCE, `InstrumentationScope.${DROPPED_ATTRIBUTES}`, `LogRecord.${DROPPED_ATTRIBUTES}`],
  traces: [
    ...OF_RESOURCE,
    `InstrumentationScope.${DROPPED_ATTRIBUTES}`,
    'InstrumentationScope.attributes',
    'ResourceSpans.schemaUrl',
    'ScopeSpans.schemaUrl',
    `Span.${DROPPED_ATTRIBUTES}`,
    'Span.droppedEventsCount',
    'Span.droppedLinksCount',
    'Span.flags',
    `Span.Event.${DROPPED_ATTRIBUTES}`,
    `Span.Link.${DROPPED_ATTRIBUTES}`,
    'Span.Link.flags',
  ],
  metrics: [...OF_RESOURCE, 'Metric.metadata', 'ExponentialHistogramDataPoint.zeroThreshold'],
}

/** The rows of a request and what is put aside, as text to compare; a request of which nothing can be read says so. */
function told(signal: SignalKind, request: Buffer): string {
  const intake = newIntake()
  const rows = transcode(signal, request, intake)
  const aside = intake.rejections.map(({ code, field }) => `${code} ${field}`)
  return JSON.stringify([rows, aside], (_, value) => {
    if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)))
      return String(value)
    return Object.is(value, -0) ? '-0' : value
  })
}

/** The same message without a field (`Span.Event.name`), wherever it has it. */
function without(type: protobuf.Type, request: Buffer, field: string): Buffer {
  const message = type.decode(request)
  const strip = (of: protobuf.Type, value: protobuf.Message & Record<string, unknown>): void => {
    for (const one of of.fieldsArray) {
      if (!Object.hasOwn(value, one.name)) continue
      if (`${of.fullName.slice('.otlp.'.length)}.${one.name}` === field) {
        delete value[one.name]
        continue
      }
      const nested = one.resolve().resolvedType
      if (!isType(nested)) continue
      for (const each of one.repeated ? (value[one.name] as unknown[]) : [value[one.name]])
        strip(nested, each as never)
    }
  }
  strip(type, message as never)
  return Buffer.from(type.encode(message).finish())
}

function isType(type: protobuf.ReflectionObject | null): type is protobuf.Type {
  return type !== null && 'fieldsArray' in type
}

/** Fields of no message, of each wire type. */
const UNKNOWN = [
  'f83f01',
  'fa3f03616263',
  'f93f0102030405060708',
  'fd3f01020304',
  'fb3f0805fc3f',
  'f8bf808000ff01',
].map((hex) => Buffer.from(hex, 'hex'))
const LONGEST_NUMBER = 10

/** The same message with an unknown field at the start and end of each message in it, and every varint with bytes that say nothing. */
function longer(type: protobuf.Type, message: Uint8Array, unknown: number): Buffer {
  const out: Uint8Array[] = [UNKNOWN[unknown] as Buffer]
  const reader = protobufjs.Reader.create(message)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    out.push(padded(tag))
    const start = reader.pos
    const field = type.fieldsById[tag >>> 3] as protobuf.Field
    const nested = field.resolve().resolvedType
    if ((tag & 7) !== 2) {
      reader.skipType(tag & 7)
      const value = message.subarray(start, reader.pos)
      out.push((tag & 7) === 0 ? paddedBytes(value) : value)
      continue
    }
    let content: Uint8Array = reader.bytes()
    if (isType(nested)) content = longer(nested, content, (unknown + 1) % UNKNOWN.length)
    else if (field.repeated && field.type === 'uint64') content = paddedNumbers(content)
    out.push(padded(content.length), content)
  }
  return Buffer.concat([...out, UNKNOWN[(unknown + 3) % UNKNOWN.length] as Buffer])
}

function padded(value: number): Buffer {
  return paddedBytes(protobufjs.Writer.create().uint32(value).finish())
}

/** One more byte at least, ten at most, as many as a number of 64 bits may have. */
function paddedBytes(number: Uint8Array): Buffer {
  const last = number.length - 1
  if (number.length >= LONGEST_NUMBER - 1) return Buffer.from(number)
  return Buffer.concat([number.subarray(0, last), Buffer.from([(number[last] as number) | 128, 128, 0])])
}

function paddedNumbers(packed: Uint8Array): Buffer {
  const out: Buffer[] = []
  for (let start = 0, at = 0; at < packed.length; at++) {
    if ((packed[at] as number) > 127) continue
    out.push(paddedBytes(packed.subarray(start, at + 1)))
    start = at + 1
  }
  return Buffer.concat(out)
}
