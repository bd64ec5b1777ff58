import { templatesNoted } from '../telemetry.ts'
import { Drain, type DrainOptions, type Template, textOf } from './drain.ts'
import { LineMask } from './mask.ts'

/** Masked lines whose template is remembered, in each of two generations. */
const MAX_LINES = 8_192
/** A template that is still seen is written again after so long, milliseconds. */
const REWRITE_AFTER = 3_600_000
/** New templates an hour; lines beyond are all of one template. More than a program has in all its sources are no templates. */
const MAX_NEW_AN_HOUR = 1_000
const HOUR = 3_600_000
const OTHER = '<other>'

/** A template as the store has it. */
export interface StoredTemplate {
  readonly name: string
  /** With wildcards, tokens with one blank between them. */
  readonly pattern: string
  /** Milliseconds since 1970. */
  readonly firstSeen: number
}

/** What the store has to be told of a template. */
export interface TemplateChange {
  readonly template: Template
  readonly pattern: string
  /** Milliseconds since 1970. */
  readonly seen: number
}

/** The templates of log lines, learnt as lines come. */
export class LogTemplates {
  private readonly drain: Drain
  private readonly line = new LineMask()
  private lines = new Map<number, Template>()
  private olderLines = new Map<number, Template>()
  private readonly written = new Map<Template, { tokens: readonly string[]; at: number }>()
  private readonly changed = new Set<Template>()
  private other: Template | undefined
  private hour = 0
  private newInHour = 0

  constructor(options: Partial<DrainOptions> = {}) {
    this.drain = new Drain(options)
  }

  get size(): number {
    return this.drain.size
  }

  /**
   * Learns what was known before, by this process or others, the oldest first: of several templates that a line fits the oldest has it, so
   * processes that have read the same agree.
   */
  restore(stored: Iterable<StoredTemplate>): void {
    const oldestFirst = [...stored].sort((a, b) => a.firstSeen - b.firstSeen || (a.name < b.name ? -1 : 1))
    for (const { name, pattern, firstSeen } of oldestFirst) {
      const tokens = pattern.split(' ')
      const template = this.drain.add(name, tokens, firstSeen)
      this.written.set(template, { tokens, at: firstSeen })
    }
  }

  /**
   * The template of a log body; undefined for one without a word.
   * @param source UTF-8
   * @param now milliseconds since 1970: the time of the request
   */
  templateOf(source: Buffer, start: number, end: number, now: number): Template | undefined {
    const { line } = this
    line.read(source, start, end)
    if (line.length === 0) return undefined
    let template = this.lines.get(line.hash) ?? this.olderLines.get(line.hash)
    if (template?.known !== true) {
      template = this.learn(line.text, now)
      this.remember(line.hash, template)
    } else this.drain.touch(template)
    const written = this.written.get(template)
    if (written === undefined || written.tokens !== template.tokens || now - written.at > REWRITE_AFTER)
      this.changed.add(template)
    return template
  }

  /** What is new since this was last asked. @param now milliseconds since 1970 */
  takeChanges(now: number): readonly TemplateChange[] {
    if (this.changed.size === 0) return []
    const changes = [...this.changed].map((template) => {
      templatesNoted(this.written.has(template) ? 'changed' : 'new')
      this.written.set(template, { tokens: template.tokens, at: now })
      return { template, pattern: template.tokens.join(' '), seen: now }
    })
    this.changed.clear()
    if (this.written.size > 2 * this.drain.size + 64)
      for (const template of this.written.keys()) if (!template.known) this.written.delete(template)
    return changes
  }

  private learn(text: string, now: number): Template {
    const tokens = text.split(' ')
    const known = this.drain.match(tokens)
    if (known !== undefined) return known
    const hour = Math.floor(now / HOUR)
    if (hour !== this.hour) {
      this.hour = hour
      this.newInHour = 0
    }
    if (++this.newInHour <= MAX_NEW_AN_HOUR) return this.drain.add(textOf(tokens), tokens, now)
    templatesNoted('too_many')
    if (this.other?.known !== true) this.other = this.drain.add(OTHER, [OTHER], now)
    return this.other
  }

  private remember(hash: number, template: Template): void {
    if (this.lines.size >= MAX_LINES) {
      this.olderLines = this.lines
      this.lines = new Map()
    }
    this.lines.set(hash, template)
  }
}
