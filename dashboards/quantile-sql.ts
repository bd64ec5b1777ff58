import { GAMMA, ZERO_BUCKET } from '../schemas/histogram.ts'

/**
 * Quantile by nearest rank over a histogram of the rollups, as `histogramQuantile` in schemas/histogram.ts computes it.
 * @param histogram SQL of a Map(Int16, UInt64), already added up; trusted
 * @param q 0 to 1
 * @returns SQL of a Nullable(Float64): NULL for an empty histogram
 */
export function quantileSql(histogram: string, q: number): string {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`A quantile is between 0 and 1, not ${q}.`)
  // sumMap promises no order of keys.
  const pairs = `arraySort(arrayZip(mapKeys(${histogram}), mapValues(${histogram})))`
  const running = `arrayCumSum(pair -> pair.2, ${pairs})`
  const rank = `greatest(1, ceil(${q} * arraySum(mapValues(${histogram}))))`
  const bucket = `${pairs}[arrayFirstIndex(seen -> seen >= ${rank}, ${running})].1`
  const value = `if(${bucket} = ${ZERO_BUCKET}, 0., 2 * pow(${GAMMA}, ${bucket}) / ${1 + GAMMA})`
  return `if(empty(mapKeys(${histogram})), NULL, ${value})`
}
