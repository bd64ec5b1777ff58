const formats = new Map<string, Intl.DateTimeFormat>()
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/**
 * Hour of the week on the clocks of a time zone, daylight saving included.
 * @param time milliseconds since the epoch
 * @param timeZone IANA name
 * @returns 0 (Monday 00:00) to 167
 * @throws RangeError for an unknown time zone
 */
export function hourOfWeek(time: number, timeZone: string): number {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: 'numeric',
      hourCycle: 'h23',
    })
    formats.set(timeZone, format)
  }
  const parts = new Map(format.formatToParts(time).map((part) => [part.type, part.value]))
  return DAYS.indexOf(parts.get('weekday') ?? 'Mon') * 24 + Number(parts.get('hour') ?? 0)
}

const HOUR = 3_600_000

/** The moment so many days earlier at the same clock time, although a day may have 23 or 25 hours. */
export function sameClockDaysBefore(time: number, days: number, timeZone: string): number {
  const plain = time - days * 24 * HOUR
  const wanted = hourOfWeek(time, timeZone) % 24
  const got = hourOfWeek(plain, timeZone) % 24
  const off = ((wanted - got + 36) % 24) - 12
  return plain + off * HOUR
}
