import fc from 'fast-check'
import type protobuf from 'protobufjs'
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
import { encode, official, otlpJson } from './official.ts'
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

  it('keep their meaning with unknown fields and overlong numbers around them', () => {
    const junk = fc.constantFrom(
      'f83f01',
      'fa3f03616263',
      'f93f0102030405060708',
      'fd3f01020304',
      'fb3f0805fc3f',
      'f8bf808000ff01',
    )
    fc.assert(
      fc.property(REQUESTS[signal], junk, junk, (message, before, after) => {
        const request = encode(official[signal], message)
        const padded = Buffer.concat([
          Buffer.from(before, 'hex'),
          overlong(request),
          Buffer.from(after, 'hex'),
        ])
        const intake = newIntake()
        expect(transcode(signal, padded, intake)).toEqual(expected(signal, request))
        expect(intake.rejections).toEqual([])
      }),
      { numRuns: 100 },
    )
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

/** The same top-level fields with their lengths written in more bytes than needed, as a decoder must accept. */
function overlong(request: Buffer): Buffer {
  const out: Buffer[] = []
  for (let at = 0; at < request.length; ) {
    out.push(request.subarray(at, at + 1))
    at++
    const length: number[] = []
    while ((request[at] as number) > 127) length.push(request[at++] as number)
    length.push((request[at++] as number) | 128, 128, 0)
    const size = length.reduce((sum, byte, i) => sum + (byte & 127) * 128 ** i, 0)
    out.push(Buffer.from(length), request.subarray(at, at + size))
    at += size
  }
  return Buffer.concat(out)
}
