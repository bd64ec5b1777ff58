import type { Cell } from '../../schemas/cell.ts'
import type { ExposureStratum } from '../compare/mix.ts'
import { mergeCounts } from '../queries/merge-cells.ts'
import type { ArmLines } from './arms.ts'

/** Routes that are told apart, the busiest ones: what is fitted grows with their square, and rare routes hardly move a mix. */
const MOST_ROUTES = 12

const made = new WeakMap<
  ArmLines,
  { readonly later: ArmLines; readonly strata: readonly ExposureStratum[] }
>()

/** Requests of both sides by route, the rare routes together. Every series of a signal reads the same: made once for two arms. */
export function requestStrata(earlier: ArmLines, later: ArmLines): readonly ExposureStratum[] {
  const known = made.get(earlier)
  if (known?.later === later) return known.strata
  const counts = new Map<string, number>()
  for (const { requests } of [earlier, later]) {
    for (const [route, cells] of requests) {
      counts.set(route, (counts.get(route) ?? 0) + cells.reduce((sum, cell) => sum + cell.count, 0))
    }
  }
  const routes = [...counts].sort((a, b) => b[1] - a[1]).map(([route]) => route)
  const groups = [
    ...routes.slice(0, MOST_ROUTES).map((route) => [route]),
    ...(routes.length > MOST_ROUTES ? [routes.slice(MOST_ROUTES)] : []),
  ]
  const strata = groups.map((group) => ({ before: countsOf(earlier, group), after: countsOf(later, group) }))
  made.set(earlier, { later, strata })
  return strata
}

function countsOf({ requests }: ArmLines, routes: readonly string[]): readonly Cell[] {
  return mergeCounts(routes.map((route) => requests.get(route) ?? []))
}
