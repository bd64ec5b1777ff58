import { Block } from '../native/block.ts'
import { LowCardinalityColumn, StringColumn, WordColumn } from '../native/column.ts'

function columns() {
  return {
    receivedAt: new WordColumn('received_at', 'DateTime64(3)'),
    signal: new LowCardinalityColumn('signal'),
    code: new LowCardinalityColumn('code'),
    message: new StringColumn('message'),
    field: new StringColumn('field'),
    contentType: new LowCardinalityColumn('content_type'),
    sender: new StringColumn('sender'),
    payload: new StringColumn('payload'),
  }
}

/** Rows of `dead_letter`. */
export class DeadLetterBlock extends Block {
  readonly cells: ReturnType<typeof columns>

  constructor() {
    const cells = columns()
    super('dead_letter', Object.values(cells))
    this.cells = cells
  }
}
