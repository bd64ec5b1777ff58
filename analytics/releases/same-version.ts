const SHORT = /^[0-9a-f]{7,63}$/
/** SHA-1 and SHA-256: dates and build numbers look like short commits, but not like whole ones. */
const WHOLE = /^([0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * Whether two systems mean the same version: the same text, a tag with and without its v, or a commit in full and short (at least seven digits). Versions
 * themselves stay as they are written.
 */
export function isSameVersion(a: string, b: string): boolean {
  if (a === b) return true
  const isShortOf = (short: string, whole: string) =>
    SHORT.test(short) && WHOLE.test(whole) && whole.startsWith(short)
  return isShortOf(a, b) || isShortOf(b, a) || withoutV(a) === withoutV(b)
}

function withoutV(version: string): string {
  return /^v\d/.test(version) ? version.slice(1) : version
}
