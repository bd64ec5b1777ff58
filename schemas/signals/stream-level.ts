import type { CellTable } from './measure.ts'

/** Tables that keep cells by stream: what differences are taken of must not be mixed before. */
export function keepsStreams(cells: CellTable): boolean {
  return cells === 'counter_1m' || cells === 'histogram_1m'
}

/**
 * UInt8 SQL: the level of a stream. Half of all streams have level 0, a quarter level 1, and so on: the zeros that the hash of its attributes ends with. To leave out
 * the lowest levels keeps a random sample of streams, in which a stream stays for its lifetime, whoever decides and wherever it is counted.
 * @param stream UInt64 SQL
 */
export function streamLevel(stream: string): string {
  return `toUInt8(bitCount(bitXor(${stream}, ${stream} - 1)) - 1)`
}

/** What the levels of streams that are left out stand under among what is kept: `dimension` is a level. @param bound `boundOf` a measure */
export function streamsOf(bound: string): string {
  return `${bound}${STREAMS}`
}

export const STREAMS = ':streams'
