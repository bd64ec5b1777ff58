/** A span of time that is counted by one statement; seconds since the epoch, from inclusive to exclusive. */
export interface Span {
  readonly from: number
  readonly to: number
  /** Rows of the raw table in it. */
  readonly rows: number
}

export const HOUR = 3600
const DAY = 86_400

/** Rows of one statement: a second or two of one core, and well within the memory that a backfill may use. */
const MOST_ROWS = 1_000_000

/**
 * What of the past is still to be counted: hours that no span covers, joined up to a day, and spans that got more rows since they were counted.
 * @param hours rows by the start of their hour, oldest first
 * @param done what was counted, with the rows that there were
 * @param range the past that is wanted, from the start of an hour; `to` is where the views go on
 * @param again what was counted is counted anew, if the table still has rows of it
 */
export function plan(
  hours: ReadonlyMap<number, number>,
  done: readonly Span[],
  range: { readonly from: number; readonly to: number },
  again = false,
): readonly Span[] {
  const covered = new Set(done.flatMap((span) => hoursOf(span)))
  const late = done
    .map((span) => ({
      ...span,
      before: span.rows,
      rows: hoursOf(span).reduce((sum, hour) => sum + (hours.get(hour) ?? 0), 0),
    }))
    .filter(
      ({ from, to, rows, before }) => rows > (again ? 0 : before) && from >= range.from && to <= range.to,
    )
    .map(({ before: _, ...span }) => span)
  const fresh: Span[] = []
  for (const [hour, rows] of [...hours].sort(([a], [b]) => a - b)) {
    if (hour < range.from || hour >= range.to || covered.has(hour) || rows === 0) continue
    const last = fresh.at(-1)
    const to = Math.min(hour + HOUR, range.to)
    // Whole hours only are joined: the hour of the cut-over is counted by itself, since the view fills the rest of it.
    const joins =
      last !== undefined &&
      last.to === hour &&
      to === hour + HOUR &&
      hour % DAY !== 0 &&
      last.rows + rows <= MOST_ROWS
    if (joins) fresh[fresh.length - 1] = { from: last.from, to, rows: last.rows + rows }
    else fresh.push({ from: hour, to, rows })
  }
  return [...late, ...fresh].sort((a, b) => a.from - b.from)
}

/** The hours that a span lies in, by their starts. */
export function hoursOf({ from, to }: Pick<Span, 'from' | 'to'>): number[] {
  const first = Math.floor(from / HOUR) * HOUR
  return Array.from({ length: Math.ceil((to - first) / HOUR) }, (_, i) => first + i * HOUR)
}
