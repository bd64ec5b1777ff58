import { Dictionary } from './dictionary.ts'
import { Bytes, type Sink, Words } from './sink.ts'

/** One column of a Native block: its name, ClickHouse type, and where its bytes gather. README.md describes the bytes. */
export interface Column {
  readonly name: string
  readonly type: string
  /** Everything that grows with rows, to mark and to roll back. */
  readonly sinks: readonly Sink[]
  /** Texts that rows hold the numbers of; left out: none. */
  readonly dictionaries?: readonly Dictionary[]
  /** Appends the column's data (not its header) to `out`; only called when there are rows. */
  encode(out: Buffer[]): void
}

/** Values of 1 byte: UInt8, Bool. */
export class ByteColumn implements Column {
  readonly data = new Bytes()
  readonly sinks: readonly Sink[] = [this.data]
  readonly name: string
  readonly type: 'UInt8' | 'Bool'

  constructor(name: string, type: 'UInt8' | 'Bool') {
    this.name = name
    this.type = type
  }

  encode(out: Buffer[]): void {
    out.push(this.data.view())
  }
}

/** Values of 4 or 8 bytes; who pushes knows how many words a value has. */
export class WordColumn implements Column {
  readonly data = new Words()
  readonly sinks: readonly Sink[] = [this.data]
  readonly name: string
  readonly type: 'UInt32' | 'Int32' | 'UInt64' | 'Float64' | 'DateTime64(9)' | 'DateTime64(3)'

  constructor(name: string, type: WordColumn['type']) {
    this.name = name
    this.type = type
  }

  encode(out: Buffer[]): void {
    out.push(this.data.view())
  }
}

export class StringColumn implements Column {
  readonly data = new Bytes(4096)
  readonly sinks: readonly Sink[] = [this.data]
  readonly name: string
  readonly type = 'String'

  constructor(name: string) {
    this.name = name
  }

  encode(out: Buffer[]): void {
    out.push(this.data.view())
  }
}

/** LowCardinality(String): the row holds the number of a text in the block's dictionary. */
export class LowCardinalityColumn implements Column {
  readonly dictionary = new Dictionary()
  readonly dictionaries: readonly Dictionary[] = [this.dictionary]
  readonly indexes = new Words()
  readonly sinks: readonly Sink[] = [this.indexes]
  readonly name: string
  readonly type = 'LowCardinality(String)'
  private last = 0

  constructor(name: string) {
    this.name = name
  }

  push(source: Buffer, start: number, end: number): void {
    // Neighbours mostly have the same value, so the last one is tried before hashing.
    if (!this.dictionary.is(this.last, source, start, end))
      this.last = this.dictionary.indexOf(source, start, end)
    this.indexes.push(this.last)
  }

  pushText(text: Buffer): void {
    this.push(text, 0, text.length)
  }

  encode(out: Buffer[]): void {
    out.push(KEY_VERSION)
    encodeIndexes(this.dictionary, this.indexes, out)
  }
}

/** The attributes of one record as a map column takes them: sorted by key, each key once. */
export interface Entries {
  readonly count: number
  readonly source: Buffer
  readonly keyStart: Int32Array
  readonly keyEnd: Int32Array
  /** What the key of entry `i` says of its values, > 0: asked once for each distinct key of a block. */
  judgeKey(i: number): number
  /** Writes the value of entry `i`, with its length, as text. @param note of its key, as `judgeKey` gave it */
  writeValue(i: number, out: Bytes, note: number): void
}

/** Keys of a map column. */
class MapKeys {
  readonly dictionary = new Dictionary()
  readonly indexes = new Words()
  /** Records of one kind have the same keys in the same places: the number last seen in each place is tried first. */
  private guesses = new Int32Array(16)

  reserve(count: number): void {
    if (count > this.guesses.length) this.guesses = new Int32Array(count * 2)
  }

  /** @returns what the key says of its values */
  push(entries: Entries, i: number): number {
    const { source } = entries
    const start = entries.keyStart[i] as number
    const end = entries.keyEnd[i] as number
    const { dictionary } = this
    let index = this.guesses[i] as number
    if (!dictionary.is(index, source, start, end)) {
      index = dictionary.indexOf(source, start, end)
      this.guesses[i] = index
    }
    this.indexes.push(index)
    let note = dictionary.notes[index] as number
    if (note === 0) note = dictionary.notes[index] = entries.judgeKey(i)
    return note
  }
}

/** Map(LowCardinality(String), String). */
export class MapColumn implements Column {
  readonly offsets = new Words()
  readonly keys = new MapKeys()
  readonly values = new Bytes(4096)
  readonly sinks: readonly Sink[] = [this.offsets, this.keys.indexes, this.values]
  readonly dictionaries: readonly Dictionary[] = [this.keys.dictionary]
  readonly name: string
  readonly type = 'Map(LowCardinality(String), String)'

  constructor(name: string) {
    this.name = name
  }

  push(entries: Entries): void {
    const { keys, values } = this
    const { count } = entries
    keys.reserve(count)
    for (let i = 0; i < count; i++) entries.writeValue(i, values, keys.push(entries, i))
    this.offsets.pushPair(keys.indexes.length, 0)
  }

  encode(out: Buffer[]): void {
    out.push(KEY_VERSION)
    this.encodeData(out)
  }

  encodeData(out: Buffer[]): void {
    out.push(this.offsets.view())
    encodeIndexes(this.keys.dictionary, this.keys.indexes, out)
    out.push(this.values.view())
  }
}

/**
 * Map(LowCardinality(String), LowCardinality(String)): the attributes of a resource, which all of its records have. ClickHouse makes texts of the values, for the tables'
 * maps have such.
 */
export class SharedMapColumn implements Column {
  readonly offsets = new Words()
  readonly keys = new MapKeys()
  readonly values = new Words()
  readonly sinks: readonly Sink[] = [this.offsets, this.keys.indexes, this.values]
  private readonly texts = new Dictionary()
  readonly dictionaries: readonly Dictionary[] = [this.keys.dictionary, this.texts]
  readonly name: string
  readonly type = 'Map(LowCardinality(String), LowCardinality(String))'
  private readonly text = new Bytes()
  /** Where the row of the last `push` begins, and its entries. */
  private begin = 0
  private count = 0

  constructor(name: string) {
    this.name = name
  }

  push(entries: Entries): void {
    const { keys, values, text } = this
    const { count } = entries
    this.begin = values.length
    this.count = count
    keys.reserve(count)
    for (let i = 0; i < count; i++) {
      text.length = 0
      entries.writeValue(i, text, keys.push(entries, i))
      values.push(this.texts.indexOf(text.bytes, textStart(text.bytes), text.length))
    }
    this.texts.keys.replaced += text.replaced
    text.replaced = 0
    this.offsets.pushPair(values.length, 0)
  }

  /** The row of the last `push` once more; not if the block was rolled back or cleared since. */
  repeat(): void {
    this.keys.indexes.repeat(this.begin, this.count)
    this.values.repeat(this.begin, this.count)
    this.offsets.pushPair(this.values.length, 0)
  }

  encode(out: Buffer[]): void {
    out.push(KEY_VERSION, KEY_VERSION, this.offsets.view())
    encodeIndexes(this.keys.dictionary, this.keys.indexes, out)
    encodeIndexes(this.texts, this.values, out)
  }
}

/** Where a value of a String column begins after its length: the last byte of that has its high bit clear. */
function textStart(value: Buffer): number {
  let at = 0
  while ((value[at] as number) > 127) at++
  return at + 1
}

/** Array(...) of any of the above; the columns of one Nested share their offsets. */
export class ArrayColumn<Inner extends Column> implements Column {
  readonly offsets: Words
  readonly inner: Inner
  readonly sinks: readonly Sink[]
  readonly dictionaries?: readonly Dictionary[]
  readonly name: string
  readonly type: string

  constructor(offsets: Words, inner: Inner) {
    this.offsets = offsets
    this.inner = inner
    this.sinks = [offsets, ...inner.sinks]
    if (inner.dictionaries !== undefined) this.dictionaries = inner.dictionaries
    this.name = inner.name
    this.type = `Array(${inner.type})`
  }

  encode(out: Buffer[]): void {
    const inner: Column = this.inner
    // The version of the dictionary stands before everything else of the column, offsets included.
    if (inner.dictionaries !== undefined) out.push(KEY_VERSION)
    out.push(this.offsets.view())
    if (inner instanceof MapColumn) inner.encodeData(out)
    else if (inner instanceof LowCardinalityColumn) encodeIndexes(inner.dictionary, inner.indexes, out)
    else inner.encode(out)
  }
}

/** `SharedDictionariesWithAdditionalKeys`, the one version there is. */
const KEY_VERSION = wordsLittleEndian(1, 0)
/** Indexes are UInt32 (type 2), the block brings its own keys (bit 9) and replaces any before (bit 10). */
const INDEX_TYPE = wordsLittleEndian(2 | (1 << 9) | (1 << 10), 0)

function encodeIndexes(dictionary: Dictionary, indexes: Words, out: Buffer[]): void {
  // An array or map column without a single entry has no dictionary at all.
  if (indexes.length === 0) return
  out.push(INDEX_TYPE, wordsLittleEndian(dictionary.count, 0), dictionary.keys.view())
  out.push(wordsLittleEndian(indexes.length, 0), indexes.view())
}

function wordsLittleEndian(...words: number[]): Buffer {
  return Buffer.from(Uint32Array.from(words).buffer)
}
