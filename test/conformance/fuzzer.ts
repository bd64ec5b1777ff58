import { Intake } from '../../ingest/intake.ts'
import { linesToOtlp } from '../../ingest/json-lines/to-otlp.ts'
import type { Block } from '../../ingest/native/block.ts'
import { TooLarge, Unreadable } from '../../ingest/protobuf/unreadable.ts'
import { BLOCKS_OF, RequestDecoder } from '../../ingest/request-decoder.ts'
import { type FuzzInput, FuzzInputs, NOW, SIGNALS } from './fuzz-inputs.ts'
import { readBlock } from './native-reader.ts'

export interface FuzzFailure {
  /** Number of the input: `npm run fuzz -- --seed S --from NUMBER --count 1` makes it again. */
  readonly number: number
  readonly what: string
  readonly format: FuzzInput['format']
  readonly signal: FuzzInput['signal']
  /** Hex. */
  readonly bytes: string
}

export interface FuzzCounts {
  inputs: number
  /** Requests that were refused as a whole. */
  refused: number
  /** Records that were put aside. */
  putAside: number
  /** Records that became rows. */
  rows: number
  slowestMs: number
  readonly failures: FuzzFailure[]
}

type Decode = RequestDecoder['decode']

/** Bytes on each side of an input that look like a request, so that reading past its ends shows in what comes out. */
const AROUND = 4_096
/** A row block is read back by another reader for one input in so many. */
const READ_BACK = 64
const MAX_BYTES = 4e6

/**
 * Decodes each input twice: alone in memory of its very size, and in the middle of a larger buffer. Both must give the
 * same rows or the same error, whole blocks, and leave the input as it was.
 */
export class Fuzzer {
  private readonly inputs: FuzzInputs
  private readonly alone: Side
  private readonly amid: Side
  private readonly around: Buffer
  private readonly larger: Buffer

  /** @param newDecode makes what is fuzzed, with a state of its own */
  constructor(seed: number, newDecode: () => Decode = decoder) {
    this.inputs = new FuzzInputs(seed)
    this.alone = new Side(newDecode())
    this.amid = new Side(newDecode())
    const pattern = Array.from({ length: 400 }, (_, i) => this.inputs.input(i).bytes)
    this.around = Buffer.concat(pattern).subarray(0, 3 * AROUND)
    this.larger = Buffer.alloc(AROUND * 64)
  }

  /** @param beat told of each input before it is decoded */
  run(from: number, count: number, beat: (number: number) => void = () => {}): FuzzCounts {
    const counts: FuzzCounts = { inputs: 0, refused: 0, putAside: 0, rows: 0, slowestMs: 0, failures: [] }
    for (let number = from; number < from + count; number++) {
      beat(number)
      const input = this.inputs.input(number)
      const started = performance.now()
      const what = this.check(input, number, counts)
      counts.slowestMs = Math.max(counts.slowestMs, performance.now() - started)
      counts.inputs++
      if (what === undefined) continue
      const { format, signal, bytes } = input
      counts.failures.push({ number, what, format, signal, bytes: Buffer.from(bytes).toString('hex') })
    }
    return counts
  }

  private check(input: FuzzInput, number: number, counts: FuzzCounts): string | undefined {
    const alone = Buffer.allocUnsafeSlow(input.bytes.length)
    alone.set(input.bytes)
    const { larger, around } = this
    const end = AROUND + input.bytes.length
    larger.set(around.subarray(0, AROUND))
    larger.set(input.bytes, AROUND)
    larger.set(around.subarray(AROUND), end)
    const amid = larger.subarray(AROUND, end)
    const readBack = number % READ_BACK === 0
    const first = this.alone.decode({ ...input, bytes: alone }, readBack)
    const second = this.amid.decode({ ...input, bytes: amid }, readBack)
    if (first.crash !== undefined) return first.crash
    if (second.crash !== undefined) return `amid other bytes: ${second.crash}`
    counts.refused += first.error === undefined ? 0 : 1
    counts.putAside += first.rejections.length
    counts.rows += first.rows
    if (first.error !== second.error)
      return `its surroundings are read: ${first.error ?? 'taken'}, amid other bytes ${second.error ?? 'taken'}`
    if (first.rejections.join() !== second.rejections.join())
      return `its surroundings are read: put aside ${first.rejections}, amid other bytes ${second.rejections}`
    if (!first.blocks.equals(second.blocks)) return 'its surroundings are read: other rows'
    if (!alone.equals(input.bytes) || !amid.equals(input.bytes)) return 'the input is written to'
    return undefined
  }
}

interface Outcome {
  readonly crash?: string
  readonly error?: string
  readonly rejections: readonly string[]
  readonly rows: number
  readonly blocks: Buffer
}

/** A decoder with the blocks that it fills. */
class Side {
  private readonly decodeRequest: Decode
  private readonly blocks: Readonly<Record<FuzzInput['signal'], readonly Block[]>>

  constructor(decode: Decode) {
    this.decodeRequest = decode
    const [logs = [], traces = [], metrics = []] = SIGNALS.map((signal) =>
      BLOCKS_OF[signal].map((make) => make()),
    )
    this.blocks = { logs, traces, metrics }
  }

  decode({ signal, format, bytes }: FuzzInput, readBack: boolean): Outcome {
    const blocks = this.blocks[signal]
    for (const block of blocks) block.clear()
    const intake = new Intake(NOW, 86_400_000, 3_600_000, MAX_BYTES)
    const none = { rejections: [], rows: 0, blocks: Buffer.alloc(0) }
    try {
      const body = bytes as Buffer
      const request = {
        signal,
        body: format === 'lines' ? linesToOtlp(body, {}).body : body,
        contentType: format === 'protobuf' ? 'application/x-protobuf' : 'application/json',
      }
      this.decodeRequest(request as Parameters<Decode>[0], blocks, intake)
    } catch (error) {
      if (error instanceof Unreadable)
        return { ...none, error: `${error.code} ${error.field} ${error.message}` }
      if (error instanceof TooLarge) return { ...none, error: error.message }
      return { ...none, crash: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
    const all = blocks.reduce((sum, block) => sum + block.rows, 0)
    // Kinds of log lines have a table of their own: they are no records.
    const rows = blocks.reduce((sum, { table, rows }) => sum + (table.startsWith('otel_') ? rows : 0), 0)
    if (rows !== intake.accepted) return { ...none, crash: `${rows} rows for ${intake.accepted} records` }
    const encoded = blocks.map((block) => Buffer.concat(block.encode()))
    if (readBack && encoded.reduce((sum, block) => sum + readBlock(block).length, 0) !== all)
      return { ...none, crash: 'a block does not hold its rows' }
    return {
      rejections: intake.rejections.map(
        ({ code, field, payload }) => `${code} ${field} ${payload.toString('hex')}`,
      ),
      rows,
      blocks: Buffer.concat(encoded),
    }
  }
}

function decoder(): Decode {
  const made = new RequestDecoder()
  return made.decode.bind(made)
}
