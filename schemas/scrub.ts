import { RE2JS } from 're2js'
import { z } from 'zod'

/**
 * The rules that remove personal data and secrets before anything is stored, each with what it takes for one:
 * `ingest/scrub/README.md` has the exact forms.
 */
export const SCRUB_RULES = [
  'api_key',
  'authorization',
  'card',
  'jwt',
  'key',
  'password',
  'private_key',
  'statement',
  'url_password',
] as const
export type ScrubRule = (typeof SCRUB_RULES)[number]

/** Bytes of a pattern: it is compiled into a machine of about that many states. */
const MAX_PATTERN = 500

/** A user's own rule. */
const scrubRuleSchema = z.strictObject({
  /** Stands in the marker, `[scrubbed:name]`, and in the metric. */
  name: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, 'expected lower-case letters, digits and underscores'),
  /** RE2 regular expression (no look-around, no back-references): matched in time linear in the text, whatever it is. */
  pattern: z.string().min(1).max(MAX_PATTERN).superRefine(compiles),
  /** A text that stands in all that the pattern matches: only values with it are tried, which is what keeps ingest fast. */
  contains: z.string().min(1).max(100).optional(),
})

export const scrubSchema = z.strictObject({
  /** Built-in rules that are switched off. */
  off: z.array(z.enum(SCRUB_RULES)).default([]),
  /** Further attribute keys whose values are replaced whole; matched as `key` does, without regard to case, `-`, `_` and what is before the last dot. */
  keys: z.array(z.string().min(1).max(100)).default([]),
  rules: z.array(scrubRuleSchema).max(50).default([]),
})
export type ScrubSettings = z.infer<typeof scrubSchema>

function compiles(pattern: string, context: z.RefinementCtx): void {
  try {
    if (RE2JS.compile(pattern).matcher('').find()) {
      context.addIssue({ code: 'custom', message: 'the pattern matches the empty text, so everything' })
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    context.addIssue({ code: 'custom', message: `not an RE2 regular expression: ${reason}` })
  }
}
