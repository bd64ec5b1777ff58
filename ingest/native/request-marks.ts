import { Bytes } from './sink.ts'

/** Bytes of a value. */
const SIZE = 16

/**
 * The column `RequestMark` of a block: a request's mark on the first of its rows, 0 on the others, which ClickHouse keeps
 * sparsely; so knowing a request again costs 16 bytes a request and next to nothing a row.
 */
export class RequestMarks {
  readonly name = 'RequestMark'
  private readonly type = 'UInt128'
  private readonly rows: number[] = []
  private readonly marks: Buffer[] = []

  get count(): number {
    return this.rows.length
  }

  /** @param row of the block, from 0 @param mark 16 bytes, the lowest first */
  set(row: number, mark: Buffer): void {
    this.rows.push(row)
    this.marks.push(mark)
  }

  /** Appends header and data of the column. */
  encode(rows: number, out: Buffer[]): void {
    const header = new Bytes(32)
    header.pushString(this.name)
    header.pushString(this.type)
    const data = Buffer.alloc(rows * SIZE)
    for (const [i, row] of this.rows.entries()) (this.marks[i] as Buffer).copy(data, row * SIZE, 0, SIZE)
    out.push(header.view(), data)
  }

  clear(): void {
    this.rows.length = 0
    this.marks.length = 0
  }
}
