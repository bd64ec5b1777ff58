import { Intake, type Rejection } from '../../ingest/intake.ts'
import { linesToOtlp } from '../../ingest/json-lines/to-otlp.ts'
import type { Block, Mark } from '../../ingest/native/block.ts'
import { Bytes, type Sink } from '../../ingest/native/sink.ts'
import { TooLarge, Unreadable } from '../../ingest/protobuf/unreadable.ts'
import { BLOCKS_OF, RequestDecoder } from '../../ingest/request-decoder.ts'
import { type FuzzInputs, type FuzzSeed, LONGEST, NOW, SIGNALS } from './fuzz-inputs.ts'
import { readBlock } from './native-reader.ts'

export interface FuzzFailure {
  /** Number of the input: `npm run fuzz -- --seed S --from NUMBER --count 1` makes it again. */
  readonly number: number
  readonly what: string
  readonly format: FuzzSeed['format']
  readonly signal: FuzzSeed['signal']
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
  readonly failures: FuzzFailure[]
}

type Decode = RequestDecoder['decode']

/** Bytes on each side of an input that look like a request, so that reading past its ends shows in what comes out. */
const AROUND = 4_096
/** A row block is read back by another reader for one input in so many, and dictionaries begin anew. */
const READ_BACK = 64
const CLEAR = 512
const MAX_BYTES = 4e6

/**
 * Decodes each input twice: alone in memory of its very size, and in the middle of a larger buffer. Both must give the
 * same rows or the same error, whole blocks, and leave the input as it was.
 */
export class Fuzzer {
  private readonly inputs: FuzzInputs
  private readonly newDecode: () => Decode
  private readonly alone: Side
  private readonly amid: Side
  /** Memory of each size, made when it is first needed, and places of each size whose end is that of the room. */
  private readonly alones: Buffer[] = []
  private readonly amids: Buffer[] = []
  private readonly around = Buffer.alloc(AROUND + LONGEST)
  private readonly larger = Buffer.alloc(AROUND + LONGEST + AROUND)
  private last = 0

  /** @param newDecode makes what is fuzzed, with a state of its own */
  constructor(inputs: FuzzInputs, newDecode: () => Decode = decoder) {
    this.inputs = inputs
    this.newDecode = newDecode
    this.alone = new Side(newDecode())
    this.amid = new Side(newDecode())
    let filled = 0
    const fill = (into: Buffer) => {
      for (let at = 0; at < into.length; filled++) {
        inputs.make(filled)
        at += inputs.work.copy(into, at, 0, inputs.size)
      }
    }
    fill(this.around)
    fill(this.larger)
  }

  /** @param beat told of each input before it is decoded */
  run(from: number, count: number, beat: (number: number) => void = () => {}): FuzzCounts {
    const counts: FuzzCounts = { inputs: 0, refused: 0, putAside: 0, rows: 0, failures: [] }
    // Most inputs end in an error, and looking where it was thrown takes longer than decoding.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    try {
      for (let number = from; number < from + count; number++) {
        beat(number)
        const seed = this.inputs.make(number)
        if (number % CLEAR === 0) for (const side of [this.alone, this.amid]) side.clear()
        const what = this.check(seed, number, counts)
        counts.inputs++
        if (what !== undefined) counts.failures.push(this.failure(number, what, seed, stackTraceLimit))
      }
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
    return counts
  }

  private check(seed: FuzzSeed, number: number, counts: FuzzCounts): string | undefined {
    const { alone: first, amid: second } = this
    const { work, size } = this.inputs
    const alone = this.place(size)
    const amid = this.amids[size] as Buffer
    const readBack = number % READ_BACK === 0
    first.decode(seed, alone, readBack)
    second.decode(seed, amid, readBack)
    if (first.crash !== undefined) return first.crash
    if (second.crash !== undefined) return `amid other bytes: ${second.crash}`
    counts.refused += first.error === undefined ? 0 : 1
    counts.putAside += first.rejections.length
    counts.rows += first.rows
    if (!sameError(first.error, second.error))
      return `its surroundings are read: ${first.error ?? 'taken'}, amid other bytes ${second.error ?? 'taken'}`
    if (!sameRejections(first.rejections, second.rejections))
      return 'its surroundings are read: other records are put aside'
    if (!first.sameRows(second)) return 'its surroundings are read: other rows'
    if (work.compare(alone, 0, size, 0, size) !== 0 || work.compare(amid, 0, size, 0, size) !== 0)
      return 'the input is written to'
    return undefined
  }

  /** Puts the input where it is decoded from. @returns where it is alone */
  private place(size: number): Buffer {
    const { work } = this.inputs
    const { larger, around } = this
    const end = AROUND + LONGEST
    let alone = this.alones[size]
    if (alone === undefined) {
      alone = this.alones[size] = Buffer.allocUnsafeSlow(size)
      this.amids[size] = larger.subarray(end - size, end)
    }
    work.copy(alone, 0, 0, size)
    if (this.last > size) around.copy(larger, end - this.last, end - this.last, end - size)
    work.copy(larger, end - size, 0, size)
    this.last = size
    return alone
  }

  /** Says where a crash comes from, if it comes again without what was decoded before. */
  private failure(number: number, what: string, { format, signal }: FuzzSeed, depth: number): FuzzFailure {
    const bytes = Buffer.from(this.inputs.work.subarray(0, this.inputs.size))
    const again = new Side(this.newDecode())
    Error.stackTraceLimit = depth
    again.decode({ format, signal, bytes }, Buffer.from(bytes), true)
    Error.stackTraceLimit = 0
    return { number, what: again.crash ?? what, format, signal, bytes: bytes.toString('hex') }
  }
}

/** A decoder with the blocks that it fills, and what came of the last input. */
class Side {
  crash: string | undefined
  error: Unreadable | TooLarge | undefined
  rejections: readonly Rejection[] = []
  rows = 0
  private blocks: readonly Filled[] = []
  private readonly decodeRequest: Decode
  private readonly all: Readonly<Record<FuzzSeed['signal'], readonly Filled[]>>
  private readonly none: Readonly<Record<FuzzSeed['signal'], readonly Block[]>>

  constructor(decode: Decode) {
    this.decodeRequest = decode
    const [logs = [], traces = [], metrics = []] = SIGNALS.map((signal) =>
      BLOCKS_OF[signal].map((make) => new Filled(make())),
    )
    this.all = { logs, traces, metrics }
    const blocksOf = (filled: readonly Filled[]) => filled.map(({ block }) => block)
    this.none = { logs: blocksOf(logs), traces: blocksOf(traces), metrics: blocksOf(metrics) }
  }

  decode({ signal, format }: FuzzSeed, body: Buffer, readBack: boolean): void {
    this.blocks = this.all[signal]
    for (const filled of this.blocks) filled.takeBack()
    const intake = new Intake(NOW, 86_400_000, 3_600_000, MAX_BYTES)
    this.crash = this.error = undefined
    this.rejections = []
    this.rows = 0
    try {
      const request = {
        signal,
        body: format === 'lines' ? linesToOtlp(body, {}).body : body,
        contentType: format === 'protobuf' ? 'application/x-protobuf' : 'application/json',
      }
      this.decodeRequest(request as Parameters<Decode>[0], this.none[signal], intake)
    } catch (error) {
      // Of a request that is refused no row is kept.
      for (const filled of this.blocks) filled.takeBack()
      if (error instanceof Unreadable || error instanceof TooLarge) this.error = error
      else this.crash = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return
    }
    this.rejections = intake.rejections
    // Kinds of log lines have a table of their own: they are no records.
    for (const { block } of this.blocks) if (block.table.startsWith('otel_')) this.rows += block.rows
    if (this.rows !== intake.accepted) this.crash = `${this.rows} rows for ${intake.accepted} records`
    else if (readBack && !this.blocks.every((filled) => filled.holdsItsRows()))
      this.crash = 'a block does not hold its rows'
  }

  sameRows(other: Side): boolean {
    for (let i = 0; i < this.blocks.length; i++)
      if (!(this.blocks[i] as Filled).equals(other.blocks[i] as Filled)) return false
    return true
  }

  clear(): void {
    for (const blocks of Object.values(this.none)) for (const block of blocks) block.clear()
  }
}

/** A block that is filled again and again. */
class Filled {
  readonly block: Block
  private readonly empty: Mark
  private readonly sinks: readonly Sink[]
  private readonly texts: readonly Bytes[]

  constructor(block: Block) {
    this.block = block
    this.empty = block.newMark()
    this.sinks = [...new Set(block.columns.flatMap(({ sinks }) => sinks))]
    this.texts = block.columns.flatMap(({ dictionaries }) => dictionaries ?? []).map(({ keys }) => keys)
  }

  /** As the direct way does it: rows go, what dictionaries have learned stays. */
  takeBack(): void {
    this.block.rollback(this.empty)
  }

  equals(other: Filled): boolean {
    if (this.block.rows !== other.block.rows) return false
    if (this.block.rows === 0) return true
    for (let i = 0; i < this.sinks.length; i++)
      if (!same(this.sinks[i] as Sink, other.sinks[i] as Sink)) return false
    for (let i = 0; i < this.texts.length; i++)
      if (!same(this.texts[i] as Bytes, other.texts[i] as Bytes)) return false
    return true
  }

  holdsItsRows(): boolean {
    return readBlock(Buffer.concat(this.block.encode())).length === this.block.rows
  }
}

function same(a: Sink, b: Sink): boolean {
  const { length } = a
  if (length !== b.length) return false
  const [left, right] = a instanceof Bytes ? [a.bytes, (b as Bytes).bytes] : [a.words, (b as typeof a).words]
  for (let i = 0; i < length; i++) if (left[i] !== right[i]) return false
  return true
}

function sameError(a: Side['error'], b: Side['error']): boolean {
  if (a === undefined || b === undefined) return a === b
  const [left, right] = [a as Partial<Unreadable>, b as Partial<Unreadable>]
  return a.message === b.message && left.code === right.code && left.field === right.field
}

function sameRejections(a: readonly Rejection[], b: readonly Rejection[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    const [left, right] = [a[i] as Rejection, b[i] as Rejection]
    if (left.code !== right.code || left.field !== right.field || left.message !== right.message) return false
    if (!left.payload.equals(right.payload)) return false
  }
  return true
}

function decoder(): Decode {
  const made = new RequestDecoder()
  return made.decode.bind(made)
}
