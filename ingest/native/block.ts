import type { Column } from './column.ts'
import type { Dictionary } from './dictionary.ts'
import { RequestMarks } from './request-marks.ts'
import { Bytes, type Sink } from './sink.ts'

/** Where every sink of a block stood; made once, filled again and again. */
export type Mark = Int32Array

/** A table's rows being gathered: one Native block, so one insert is one block. */
export class Block {
  readonly table: string
  readonly columns: readonly Column[]
  rows = 0
  /** The requests whose rows are here, as far as they are to be known again. */
  readonly requests = new RequestMarks()
  /** Where the record that is being written began. */
  private readonly record: Mark
  private readonly sinks: readonly Sink[]
  private readonly dictionaries: readonly Dictionary[]

  constructor(table: string, columns: readonly Column[]) {
    this.table = table
    this.columns = columns
    this.sinks = [...new Set(columns.flatMap((column) => column.sinks))]
    this.dictionaries = columns.flatMap((column) => column.dictionaries ?? [])
    this.record = this.newMark()
  }

  newMark(): Mark {
    return new Int32Array(this.sinks.length + 1)
  }

  /** Writes the present state into `mark`. */
  mark(mark: Mark): void {
    const sinks = this.sinks
    for (let i = 0; i < sinks.length; i++) mark[i] = (sinks[i] as Sink).length
    mark[sinks.length] = this.rows
  }

  /** Takes back everything since `mark`; texts that dictionaries have learned meanwhile stay, unused. */
  rollback(mark: Mark): void {
    const sinks = this.sinks
    for (let i = 0; i < sinks.length; i++) (sinks[i] as Sink).length = mark[i] as number
    this.rows = mark[sinks.length] as number
  }

  beginRecord(): void {
    this.mark(this.record)
  }

  /** Takes back what there is of the record that was begun. */
  undoRecord(): void {
    this.rollback(this.record)
  }

  /** Bytes that the rows take, dictionaries included. */
  get byteLength(): number {
    let total = 0
    for (const sink of this.sinks) total += sink.byteLength
    for (const { keys } of this.dictionaries) total += keys.length
    return total
  }

  /** Bytes that are kept allocated, whatever is used of them. */
  get capacity(): number {
    let total = 0
    for (const sink of this.sinks) total += sink instanceof Bytes ? sink.bytes.length : sink.words.byteLength
    return total
  }

  /** Texts of which a part was not UTF-8 and became U+FFFD. */
  get replacedTexts(): number {
    let total = 0
    for (const sink of this.sinks) if (sink instanceof Bytes) total += sink.replaced
    for (const { keys } of this.dictionaries) total += keys.replaced
    return total
  }

  /**
   * The block in Native format. The parts are views: they change when the block does.
   * @param marked with the column of requests' marks, also where there are none: all blocks of one insert have the same columns
   */
  encode(marked = this.requests.count > 0): Buffer[] {
    const out: Buffer[] = []
    const header = new Bytes(16)
    header.pushVarint(this.columns.length + (marked ? 1 : 0))
    header.pushVarint(this.rows)
    out.push(header.view())
    for (const column of this.columns) {
      const name = new Bytes(64)
      name.pushString(column.name)
      name.pushString(column.type)
      out.push(name.view())
      if (this.rows > 0) column.encode(out)
    }
    if (marked) this.requests.encode(this.rows, out)
    return out
  }

  /** Names of the columns that `encode` writes. */
  columnNames(marked = this.requests.count > 0): readonly string[] {
    const names = this.columns.map((column) => column.name)
    return marked ? [...names, this.requests.name] : names
  }

  clear(): void {
    for (const sink of this.sinks) {
      sink.length = 0
      if (sink instanceof Bytes) sink.replaced = 0
    }
    for (const dictionary of this.dictionaries) dictionary.clear()
    this.requests.clear()
    this.rows = 0
  }
}
