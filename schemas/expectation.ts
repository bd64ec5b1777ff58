/**
 * What Zod's message says was expected, such as "number to be >=1": what was got is said apart, by whoever has the value.
 * @param message of an issue
 */
export function expectation(message: string): string {
  return message
    .replace(/^Invalid ISO datetime$/, 'a time as ISO 8601 with its zone, such as 2026-11-26T12:00:00Z')
    .replace(/^(Invalid (input|option)|Too (small|big)): expected /, '')
    .replace(/,? (but )?received .*$/, '')
}
