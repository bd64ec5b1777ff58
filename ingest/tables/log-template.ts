import type { TemplateChange } from '../log-templates/log-templates.ts'
import { Block } from '../native/block.ts'
import { ByteColumn, StringColumn, WordColumn } from '../native/column.ts'

function columns() {
  return {
    version: new ByteColumn('version', 'UInt8'),
    id: new WordColumn('id', 'UInt64'),
    name: new StringColumn('name'),
    pattern: new StringColumn('pattern'),
    firstSeen: new WordColumn('first_seen', 'DateTime64(9)'),
    lastSeen: new WordColumn('last_seen', 'DateTime64(9)'),
  }
}

/** Rows of `log_template`. */
export class LogTemplateBlock extends Block {
  readonly cells: ReturnType<typeof columns>

  constructor() {
    const cells = columns()
    super('log_template', Object.values(cells))
    this.cells = cells
  }

  append({ template, pattern, seen }: TemplateChange, version: number): void {
    const { cells } = this
    cells.version.data.pushByte(version)
    cells.id.data.pushPair(template.idLow, template.idHigh)
    cells.name.data.pushString(template.name)
    cells.pattern.data.pushString(pattern)
    cells.firstSeen.data.pushPair(...nanoseconds(template.firstSeen))
    cells.lastSeen.data.pushPair(...nanoseconds(seen))
    this.rows++
  }
}

/** Milliseconds (to a microsecond) as two halves of nanoseconds. */
function nanoseconds(milliseconds: number): [low: number, high: number] {
  const exact = BigInt(Math.round(milliseconds * 1_000)) * 1_000n
  return [Number(exact & 0xffffffffn), Number(exact >> 32n)]
}
