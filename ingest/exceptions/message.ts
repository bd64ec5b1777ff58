/** Characters of a message that are looked at, and that its normal form has at most. */
const MAX_READ = 1000
const MAX_LENGTH = 160

/**
 * What differs from one occurrence to the next, most telling first; every repetition is bounded or cannot be entered twice, so that no text
 * takes more than linear time.
 */
const VARYING = new RegExp(
  [
    /[a-z][a-z0-9+.-]{1,15}:\/\/[^\s"'<>]+/, // URLs
    /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}/, // e-mail addresses
    /"[^"]*"|`[^`]*`|(?<![\w])'[^']*'(?![\w])|‘[^’]*’|“[^”]*”|«[^»]*»/, // quoted
    /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/, // UUIDs
    /(?<![\w/])(?:[A-Za-z]:)?(?:[/\\][\w.@~+-]+){2,}[/\\]?/, // paths
    /\b0x[0-9a-f]+\b/,
    /\b(?=[a-f]*\d)[0-9a-f]{8,}\b/, // hexadecimal ids
    /\b(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{20,}\b/, // tokens
    /[+-]?\d+(?:[.,:]\d+)*/, // numbers, times, versions, addresses
  ]
    .map((part) => part.source)
    .join('|'),
  'giu',
)

/** A message without what varies: URLs, e-mail addresses, quoted texts, UUIDs, paths, hexadecimal ids and numbers are `#`. */
export function normaliseMessage(message: string): string {
  return message.slice(0, MAX_READ).replace(/\s+/g, ' ').trim().replace(VARYING, '#').slice(0, MAX_LENGTH)
}
