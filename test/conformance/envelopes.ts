import {
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { seededRandom } from '../../analytics/stats/random.ts'

export const CODINGS = ['gzip', 'deflate', 'zstd'] as const
export type Coding = (typeof CODINGS)[number]

const COMPRESS: Readonly<Record<Coding, (body: Buffer) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  zstd: zstdCompressSync,
}
const DECOMPRESS: Readonly<Record<Coding, (body: Buffer, limit: number) => Buffer>> = {
  gzip: (body, maxOutputLength) => gunzipSync(body, { maxOutputLength }),
  deflate: (body, maxOutputLength) => inflateSync(body, { maxOutputLength }),
  zstd: (body, maxOutputLength) => zstdDecompressSync(body, { maxOutputLength }),
}

/** A compressed body, whole or damaged. */
export interface Envelope {
  readonly coding: Coding
  readonly how: string
  readonly bytes: Buffer
}

/** Bytes that a bomb unfolds to. */
const BOMB = 40_000_000
const WAYS = [
  'whole',
  'cut off',
  'bits flipped',
  'a piece removed',
  'a piece put in',
  'several members',
  'rubbish after it',
  'a member and half of one',
  'another length at its end',
  'another coding',
  'nothing',
  'a bomb',
] as const

/** Makes envelopes one after the other; those of a seed are always the same. */
export function envelopes(seed: number): () => Envelope {
  const random = seededRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const bombs = new Map(CODINGS.map((coding) => [coding, COMPRESS[coding](Buffer.alloc(BOMB))]))
  const content = () => {
    const word = Buffer.from(`{"n":${below(1e9)},"text":"${'stock '.repeat(below(40))}"}\n`)
    return Buffer.concat(Array.from({ length: below(60) }, () => word))
  }
  return () => {
    const coding = CODINGS[below(CODINGS.length)] as Coding
    const how = WAYS[below(WAYS.length)] as (typeof WAYS)[number]
    const member = () => COMPRESS[coding](content())
    const whole = member()
    const at = below(whole.length)
    const rubbish = Buffer.from(Array.from({ length: 1 + below(30) }, () => below(256)))
    switch (how) {
      case 'whole':
        return { coding, how, bytes: whole }
      case 'cut off':
        return { coding, how, bytes: whole.subarray(0, at) }
      case 'bits flipped': {
        const bytes = Buffer.from(whole)
        for (let left = 1 + below(4); left > 0; left--) {
          const place = below(bytes.length)
          bytes[place] = (bytes[place] as number) ^ (1 << below(8))
        }
        return { coding, how, bytes }
      }
      case 'a piece removed':
        return {
          coding,
          how,
          bytes: Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1 + below(8))]),
        }
      case 'a piece put in':
        return { coding, how, bytes: Buffer.concat([whole.subarray(0, at), rubbish, whole.subarray(at)]) }
      case 'several members':
        return { coding, how, bytes: Buffer.concat([whole, ...Array.from({ length: 1 + below(3) }, member)]) }
      case 'rubbish after it':
        return { coding, how, bytes: Buffer.concat([whole, rubbish]) }
      case 'a member and half of one':
        return { coding, how, bytes: Buffer.concat([whole, whole.subarray(0, at)]) }
      case 'another length at its end': {
        // The last four bytes: of gzip the length, of deflate a checksum, of zstd a part of the last block.
        const bytes = Buffer.from(whole)
        bytes.writeUInt32LE(below(0xffffffff), bytes.length - 4)
        return { coding, how, bytes }
      }
      case 'another coding':
        return {
          coding: CODINGS[(CODINGS.indexOf(coding) + 1) % CODINGS.length] as Coding,
          how,
          bytes: whole,
        }
      case 'nothing':
        return { coding, how, bytes: Buffer.alloc(0) }
      case 'a bomb':
        return { coding, how, bytes: bombs.get(coding) as Buffer }
    }
  }
}

/** What an envelope holds, as one call of the whole says: its content, or why there is none. */
export function contentOf({ coding, bytes }: Envelope, limit: number): Buffer | 'corrupt' | 'too large' {
  try {
    return DECOMPRESS[coding](bytes, limit)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too large' : 'corrupt'
  }
}
