import type { Cell } from '../../schemas/cell.ts'

/** Weight, in requests, with which a route's own rate is drawn to the common one. */
const PRIOR_REQUESTS = 50
const PASSES = 60
const FEWEST_MINUTES = 30

/**
 * Expected events per request of each route in the time before, from minutes alone: counts of events regressed on counts of requests by
 * route (non-negative, drawn to the common rate where minutes do not tell routes apart). With it a rate per request can be read
 * at the traffic mix that there was: see {@link weighExposure}.
 * @param events oldest first
 * @param requests by route
 * @returns rate of each route over the common one; undefined where there is too little to learn from
 */
export function routeIntensities(
  events: readonly Cell[],
  requests: ReadonlyMap<string, readonly Cell[]>,
): ReadonlyMap<string, number> | undefined {
  const routes = [...requests.keys()]
  if (routes.length < 2) return undefined
  const times = [...new Set([...requests.values()].flatMap((cells) => cells.map((cell) => cell.time)))].sort(
    (a, b) => a - b,
  )
  if (times.length < FEWEST_MINUTES) return undefined
  const at = new Map(times.map((time, i) => [time, i]))
  const y = new Float64Array(times.length)
  for (const cell of events) {
    const i = at.get(cell.time)
    if (i !== undefined) y[i] = (y[i] as number) + cell.count
  }
  const x = routes.map((route) => {
    const column = new Float64Array(times.length)
    for (const cell of requests.get(route) ?? []) {
      const i = at.get(cell.time) as number
      column[i] = (column[i] as number) + cell.count
    }
    return column
  })
  const total = x.reduce((sum, column) => sum + column.reduce((a, b) => a + b, 0), 0)
  const common = y.reduce((a, b) => a + b, 0) / total
  if (!(common > 0)) return undefined
  // Minutes are weighed by one over their requests: counts vary as they are large.
  const weights = times.map(
    (_, i) =>
      1 /
      Math.max(
        1,
        x.reduce((sum, column) => sum + (column[i] as number), 0),
      ),
  )
  const rates = routes.map(() => common)
  const rest = Float64Array.from(
    y,
    (value, i) => value - common * x.reduce((s, column) => s + (column[i] as number), 0),
  )
  for (let pass = 0; pass < PASSES; pass++) {
    let moved = 0
    for (let r = 0; r < routes.length; r++) {
      const column = x[r] as Float64Array
      const old = rates[r] as number
      let cross = 0
      let square = 0
      for (let i = 0; i < column.length; i++) {
        const value = column[i] as number
        if (value === 0) continue
        const weight = weights[i] as number
        cross += weight * value * ((rest[i] as number) + old * value)
        square += weight * value * value
      }
      const rate = Math.max(0, (cross + PRIOR_REQUESTS * common) / (square + PRIOR_REQUESTS))
      const step = rate - old
      if (step === 0) continue
      for (let i = 0; i < column.length; i++) rest[i] = (rest[i] as number) - step * (column[i] as number)
      rates[r] = rate
      moved = Math.max(moved, Math.abs(step) / common)
    }
    if (moved < 1e-4) break
  }
  return new Map(routes.map((route, r) => [route, (rates[r] as number) / common]))
}

/**
 * Exposure in requests of the mix before: a request of a route that used to bring twice the events counts twice.
 * @param intensities of {@link routeIntensities}; a route without one counts once
 */
export function weighExposure(
  requests: ReadonlyMap<string, readonly Cell[]>,
  intensities: ReadonlyMap<string, number>,
): readonly Cell[] {
  const byTime = new Map<number, Cell>()
  for (const [route, cells] of requests) {
    const weight = intensities.get(route) ?? 1
    for (const cell of cells) {
      const known = byTime.get(cell.time)
      byTime.set(cell.time, { ...(known ?? cell), count: (known?.count ?? 0) + cell.count * weight })
    }
  }
  return [...byTime.values()].sort((a, b) => a.time - b.time)
}
