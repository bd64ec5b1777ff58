import type { Cell } from './cell.ts'
import { bucketOf } from './histogram.ts'

/** What the rollups would hold of these values. @param values at least one @param bad how many of them are bad */
export function cellOfValues(time: number, values: readonly number[], bad: number): Cell {
  const histogram = new Map<number, number>()
  for (const value of values) histogram.set(bucketOf(value), (histogram.get(bucketOf(value)) ?? 0) + 1)
  return {
    time,
    count: values.length,
    bad,
    sum: values.reduce((sum, value) => sum + value, 0),
    sumSquares: values.reduce((sum, value) => sum + value * value, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    histogram,
  }
}
