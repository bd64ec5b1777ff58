import { quantile } from 'simple-statistics'

/** @throws Error if there is nothing to take it of */
export function median(values: readonly number[]): number {
  return quantile([...values], 0.5)
}
