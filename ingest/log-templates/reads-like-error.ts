/** Bytes of a body that are looked at. */
const LOOK = 256
/** Words that errors are told by, without their first letter, by that letter. */
const WORDS: ReadonlyMap<number, readonly Buffer[]> = new Map(
  Object.entries({ e: ['rror', 'xception'], f: ['ail', 'atal'], p: ['anic'], w: ['arn'] }).map(
    ([first, rests]) => [first.charCodeAt(0), rests.map((rest) => Buffer.from(rest))] as const,
  ),
)
const FIRST = new Uint8Array(256)
for (const first of WORDS.keys()) FIRST[first] = FIRST[first - 32] = 1

/** True if a body without a severity tells of something that went wrong, by the words at its beginning. */
export function readsLikeError(body: Buffer, start: number, end: number): boolean {
  const limit = Math.min(end, start + LOOK)
  for (let at = start; at < limit; at++) {
    const byte = body[at] as number
    if (FIRST[byte] === 0) continue
    for (const rest of WORDS.get(byte | 32) as readonly Buffer[])
      if (follows(body, at + 1, limit, rest)) return true
  }
  return false
}

function follows(body: Buffer, at: number, limit: number, rest: Buffer): boolean {
  if (at + rest.length > limit) return false
  for (let i = 0; i < rest.length; i++) if (((body[at + i] as number) | 32) !== rest[i]) return false
  return true
}
