import { RE2JS } from 're2js'
import { type ScrubRule, type ScrubSettings, scrubSchema } from '../../schemas/scrub.ts'
import type { Bytes } from '../native/sink.ts'
import { type NormalizedStatement, Statements } from '../statements/statements.ts'
import { textsScrubbed } from '../telemetry.ts'
import { Candidates } from './candidates.ts'
import { builtInRules, type Rule } from './rules.ts'
import { SecretKeys } from './secret-keys.ts'

/** What an attribute's key says of its value. Dictionaries keep it, so 0 is left for "not looked at". */
export const PLAIN = 1
export const SECRET = 2
export const STATEMENT = 3
export const STATEMENT_PARAMETER = 4

const STATEMENT_KEYS = new Set(['db.query.text', 'db.statement'])
const PARAMETER_KEYS = /^db\.(?:query|operation)\.parameter\./

/**
 * Removes personal data and secrets from what is stored: `[scrubbed:rule]` stands where something was. `scan` looks at a request's bytes as
 * a whole; the rules then see only the few values that it suspects.
 */
export class Scrubber {
  private readonly candidates: Candidates
  private readonly rules: readonly (readonly [string, Rule])[]
  private readonly secretKeys: SecretKeys
  private readonly hidesKeys: boolean
  private readonly readsStatements: boolean
  private readonly statements = new Statements()
  private readonly counts = new Map<string, number>()

  constructor(settings: ScrubSettings = scrubSchema.parse({})) {
    this.secretKeys = new SecretKeys(settings.keys)
    const off = new Set<ScrubRule>(settings.off)
    this.hidesKeys = !off.has('key')
    this.readsStatements = !off.has('statement')
    const builtIn = builtInRules(this.secretKeys).filter(([name]) => !off.has(name))
    this.rules = [
      ...builtIn,
      ...settings.rules.map(({ name, pattern }) => [name, userRule(pattern)] as const),
    ]
    const literals = settings.rules.flatMap(({ contains }) => contains ?? [])
    const always = settings.rules.some(({ contains }) => contains === undefined)
    this.candidates = new Candidates(this.secretKeys.endings, literals, always)
  }

  /** To be called with every request before its values are written. */
  scan(request: Buffer): void {
    if (this.rules.length > 0) this.candidates.scan(request)
  }

  /** True if the text at this place of the scanned request has to be looked at. */
  suspects(start: number, end: number): boolean {
    return this.candidates.has(start, end)
  }

  /** What becomes of the values under this attribute key. */
  judgeKey(source: Buffer, start: number, end: number): number {
    const key = source.toString('latin1', start, end)
    if (this.hides(key)) return SECRET
    if (!this.readsStatements) return PLAIN
    if (STATEMENT_KEYS.has(key)) return STATEMENT
    return PARAMETER_KEYS.test(key) ? STATEMENT_PARAMETER : PLAIN
  }

  /** @param note of the value's key: `SECRET` or `STATEMENT_PARAMETER` */
  writeHidden(out: Bytes, note: number): void {
    out.pushString(this.marker(note === SECRET ? 'key' : 'statement'))
  }

  /** As `Statements.normalize`, counted. */
  normalize(
    source: Buffer,
    start: number,
    end: number,
    systemStart: number,
    systemEnd: number,
  ): NormalizedStatement {
    const statement = this.statements.normalize(source, start, end, systemStart, systemEnd)
    if (statement.changed) this.marker('statement')
    return statement
  }

  /** Applies the rules to the value that stands in `out` from `at` on, with its length, to its end. */
  rewrite(out: Bytes, at: number): void {
    let from = at
    while ((out.bytes[from++] as number) > 127) {}
    const text = out.bytes.toString('utf8', from, out.length)
    const cleaned = this.clean(text)
    if (cleaned === text) return
    out.length = at
    out.pushString(cleaned)
  }

  /** A text without what the rules remove. */
  clean(text: string): string {
    let cleaned = text
    for (const [name, rule] of this.rules) cleaned = rule(cleaned, () => this.marker(name))
    return cleaned
  }

  /** As `clean`, with a `*` for each character removed, so that all others keep their places. */
  mask(text: string): string {
    let masked = text
    for (const [name, rule] of this.rules) {
      masked = rule(masked, (found) => {
        this.marker(name)
        return '*'.repeat(found.length)
      })
    }
    return masked
  }

  /** True if values under this attribute key are replaced whole. */
  hides(key: string): boolean {
    return this.hidesKeys && this.secretKeys.has(key)
  }

  /** Tells the metrics what was replaced since it was last asked to. */
  report(): void {
    for (const [rule, count] of this.counts) textsScrubbed(rule, count)
    this.counts.clear()
  }

  private marker(rule: string): string {
    this.counts.set(rule, (this.counts.get(rule) ?? 0) + 1)
    return `[scrubbed:${rule}]`
  }
}

function userRule(pattern: string): Rule {
  const expression = RE2JS.compile(pattern)
  return (text, replace) => {
    const matcher = expression.matcher(text)
    let cleaned = ''
    let from = 0
    while (matcher.find()) {
      if (matcher.end() === matcher.start()) continue
      cleaned += text.slice(from, matcher.start()) + replace(matcher.group() ?? '')
      from = matcher.end()
    }
    return from === 0 ? text : cleaned + text.slice(from)
  }
}
