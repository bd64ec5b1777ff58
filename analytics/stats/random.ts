/**
 * Seeded uniform random numbers in [0, 1) with 53 bits: xoshiro128**, seeded through SplitMix32.
 * Source: Blackman and Vigna (2021), *Scrambled linear pseudorandom number generators*.
 * @param seed any 32-bit whole number; equal seeds give equal streams
 */
export function seededRandom(seed: number): () => number {
  let mixer = seed >>> 0
  const split = (): number => {
    mixer = (mixer + 0x9e3779b9) >>> 0
    let z = mixer
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
  let a = split()
  let b = split()
  let c = split()
  let d = split()
  const next = (): number => {
    const scrambled = Math.imul(b, 5)
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result
  }
  return () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992
}
