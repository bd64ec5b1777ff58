import { incompleteGamma } from './incomplete-gamma.ts'

/** P(chi-squared > x). Source: Abramowitz and Stegun 26.4.19. @param degrees > 0 */
export function chiSquareUpperTail(x: number, degrees: number): number {
  return incompleteGamma(degrees / 2, x / 2).upper
}

/**
 * Pearson's statistic of homogeneity of a table of two columns, rows without any count left out.
 * @returns statistic and degrees of freedom; 0 degrees where there is nothing to compare
 */
export function homogeneity(rows: readonly (readonly [number, number])[]): {
  readonly statistic: number
  readonly degrees: number
} {
  const used = rows.filter(([a, b]) => a + b > 0)
  const total = [0, 1].map((column) => used.reduce((sum, row) => sum + (row[column] as number), 0))
  const all = (total[0] as number) + (total[1] as number)
  if (used.length < 2 || total.includes(0)) return { statistic: 0, degrees: 0 }
  let statistic = 0
  for (const row of used) {
    for (const column of [0, 1] as const) {
      const expected = ((row[0] + row[1]) * (total[column] as number)) / all
      statistic += (row[column] - expected) ** 2 / expected
    }
  }
  return { statistic, degrees: used.length - 1 }
}
