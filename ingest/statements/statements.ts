import { Dictionary } from '../native/dictionary.ts'
import { type Dialect, dialectOf } from './dialect.ts'
import { normalizeStatement } from './normalize.ts'

/** Programs run few distinct statements, often. Those whose literals are in the text fill a cache; then it begins anew. */
const MAX_CACHED = 8_192
const MAX_CACHED_BYTES = 4 * 1024 * 1024
const MAX_SYSTEMS = 256

export interface NormalizedStatement {
  readonly text: Buffer
  /** False if there was nothing to take out. */
  readonly changed: boolean
}

/** Normalises statements, each distinct text once. */
export class Statements {
  private readonly systems = new Dictionary()
  private readonly ofSystem: StatementCache[] = []
  private readonly caches = new Map<Dialect, StatementCache>()

  /**
   * @param source holds the statement, and the name of the database's kind, as UTF-8
   * @param systemEnd equal to `systemStart` if the kind is not known
   */
  normalize(
    source: Buffer,
    start: number,
    end: number,
    systemStart: number,
    systemEnd: number,
  ): NormalizedStatement {
    if (this.systems.count > MAX_SYSTEMS) {
      this.systems.clear()
      this.ofSystem.length = 0
    }
    const index = this.systems.indexOf(source, systemStart, systemEnd)
    this.ofSystem[index] ??= this.cacheOf(dialectOf(source.toString('utf8', systemStart, systemEnd)))
    return (this.ofSystem[index] as StatementCache).get(source, start, end)
  }

  private cacheOf(dialect: Dialect): StatementCache {
    const cache = this.caches.get(dialect) ?? new StatementCache(dialect)
    this.caches.set(dialect, cache)
    return cache
  }
}

class StatementCache {
  private readonly dialect: Dialect
  private readonly texts = new Dictionary()
  private readonly results: NormalizedStatement[] = []

  constructor(dialect: Dialect) {
    this.dialect = dialect
  }

  get(source: Buffer, start: number, end: number): NormalizedStatement {
    if (this.texts.count >= MAX_CACHED || this.texts.keys.length > MAX_CACHED_BYTES) {
      this.texts.clear()
      this.results.length = 0
    }
    const index = this.texts.indexOf(source, start, end)
    const known = this.results[index]
    if (known !== undefined) return known
    const text = source.toString('utf8', start, end)
    const normalized = normalizeStatement(text, this.dialect)
    const made = { text: Buffer.from(normalized), changed: normalized !== text }
    this.results[index] = made
    return made
  }
}
