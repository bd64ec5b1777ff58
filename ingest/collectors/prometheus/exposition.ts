import { CollectError } from '../collector.ts'
import { type MetaLine, parseLine, type Sample } from './line.ts'

const TYPES = [
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'stateset',
  'info',
  'unknown',
] as const
export type FamilyType = (typeof TYPES)[number]

/** A metric as it was exposed: what was said of it, and its samples by the role that their names' endings give them. */
export interface Family {
  readonly name: string
  readonly type: FamilyType
  readonly help: string
  readonly unit: string
  readonly samples: readonly FamilySample[]
}

export interface FamilySample extends Sample {
  /** '' for none: `_bucket`, `_sum`, `_count`, `_total`, `_created`, `_info`, `_gsum`, `_gcount`. */
  readonly suffix: string
}

export interface ExpositionLimits {
  /** Bytes, decompressed. */
  readonly maxBytes: number
  /** Samples of one answer. */
  readonly maxSamples: number
  /** Characters of a line. */
  readonly maxLine: number
}

export interface Exposition {
  readonly families: readonly Family[]
  /** Lines that could not be read; the others are kept. */
  readonly badLines: number
  /** The first of them, each with its number. */
  readonly problems: readonly string[]
}

/** Endings that belong to a type's own samples (OpenMetrics 1.0; text 0.0.4 has a part of them). */
const SUFFIXES: Readonly<Record<FamilyType, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [],
  histogram: ['_bucket', '_sum', '_count', '_created'],
  gaugehistogram: ['_bucket', '_gsum', '_gcount'],
  summary: ['_sum', '_count', '_created'],
  stateset: [],
  info: ['_info'],
  unknown: [],
}
const NAMED_PROBLEMS = 3

interface Building {
  name: string
  type: FamilyType
  help: string
  unit: string
  samples: FamilySample[]
}

/**
 * Reads an exposition as it comes. A line that cannot be read is noted and left out.
 * @param open true: OpenMetrics 1.0, which must end in `# EOF`; false: text format 0.0.4
 * @throws CollectError if a limit is passed, the text is not UTF-8, or it ends early
 */
export async function readExposition(
  chunks: AsyncIterable<Uint8Array>,
  open: boolean,
  limits: ExpositionLimits,
): Promise<Exposition> {
  const reader = new ExpositionReader(open, limits)
  // A byte-order mark is no part of the format.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let bytes = 0
  let rest = ''
  const decoded = (chunk?: Uint8Array) => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })
    } catch (error) {
      throw new CollectError('The answer is not UTF-8', { cause: error })
    }
  }
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > limits.maxBytes) throw new CollectError(`The answer is longer than ${limits.maxBytes} bytes`)
    const text = rest + decoded(chunk)
    let from = 0
    for (let end = text.indexOf('\n', from); end >= 0; end = text.indexOf('\n', from)) {
      reader.line(text.slice(from, end))
      from = end + 1
    }
    rest = text.slice(from)
    if (rest.length > limits.maxLine)
      throw new CollectError(`A line is longer than ${limits.maxLine} characters`)
  }
  rest += decoded()
  if (rest !== '') reader.line(rest)
  return reader.end()
}

class ExpositionReader {
  readonly #open: boolean
  readonly #limits: ExpositionLimits
  readonly #families = new Map<string, Building>()
  readonly #problems: string[] = []
  #badLines = 0
  #number = 0
  #samples = 0
  #ended = false

  constructor(open: boolean, limits: ExpositionLimits) {
    this.#open = open
    this.#limits = limits
  }

  line(text: string): void {
    this.#number += 1
    const line = !this.#open && text.endsWith('\r') ? text.slice(0, -1) : text
    try {
      if (this.#ended) throw new CollectError('nothing may follow # EOF')
      if (line.length > this.#limits.maxLine) throw new CollectError('the line is too long')
      if (line === '' || (!this.#open && line.trim() === '')) {
        if (this.#open) throw new CollectError('an empty line')
        return
      }
      const read = parseLine(line, this.#open)
      if (read.kind === 'eof') this.#ended = true
      else if (read.kind === 'sample') this.#sample(read)
      else if (read.kind !== 'comment') this.#describe(read)
    } catch (error) {
      if (!(error instanceof CollectError)) throw error
      this.#badLines += 1
      if (this.#problems.length < NAMED_PROBLEMS)
        this.#problems.push(`line ${this.#number}: ${error.message}`)
    }
    if (this.#samples > this.#limits.maxSamples)
      throw new CollectError(`The answer has more than ${this.#limits.maxSamples} samples`)
  }

  end(): Exposition {
    if (this.#open && !this.#ended) throw new CollectError('The answer ends without # EOF: it was cut off')
    return {
      families: [...this.#families.values()],
      badLines: this.#badLines,
      problems: this.#problems,
    }
  }

  #describe({ kind, name, text }: MetaLine): void {
    const family = this.#family(name)
    if (kind === 'help') family.help = text
    else if (kind === 'unit') family.unit = text
    else {
      const type = text === 'untyped' ? 'unknown' : TYPES.find((known) => known === text)
      if (type === undefined) throw new CollectError(`unknown type ${text.slice(0, 40)}`)
      if (family.samples.length > 0) throw new CollectError(`the type of ${name} stands after its samples`)
      family.type = type
    }
  }

  #sample(sample: Sample): void {
    this.#samples += 1
    const own = this.#families.get(sample.name)
    if (own !== undefined) {
      // In OpenMetrics a counter's value is called <name>_total.
      if (this.#open && own.type === 'counter') throw new CollectError(`expected ${own.name}_total`)
      own.samples.push({ ...sample, suffix: '' })
      return
    }
    for (const suffix of ALL_SUFFIXES) {
      if (!sample.name.endsWith(suffix)) continue
      const family = this.#families.get(sample.name.slice(0, -suffix.length))
      if (family === undefined || !SUFFIXES[family.type].includes(suffix)) continue
      family.samples.push({ ...sample, suffix })
      return
    }
    this.#family(sample.name).samples.push({ ...sample, suffix: '' })
  }

  #family(name: string): Building {
    let family = this.#families.get(name)
    if (family === undefined) {
      family = { name, type: 'unknown', help: '', unit: '', samples: [] }
      this.#families.set(name, family)
    }
    return family
  }
}

const ALL_SUFFIXES = [...new Set(Object.values(SUFFIXES).flat())]
