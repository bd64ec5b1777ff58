import type { WeeklyWindow } from '../../schemas/alerts.ts'

const MINUTE = 60_000
const DAY = 24 * 60
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

/**
 * Whether a moment is inside of a window of the week, by the clock on the wall of its time zone: "22:00 to 07:00" ends at 07:00 local time in a night with a change of
 * clocks too.
 * @param now milliseconds
 * @returns when the window ends (milliseconds, to the minute), or null if the moment is outside
 */
export function endOfWindow(
  window: Pick<WeeklyWindow, 'days' | 'from' | 'to' | 'timeZone'>,
  now: number,
): number | null {
  const from = minuteOf(window.from)
  const to = minuteOf(window.to)
  const local = localTime(now, window.timeZone)
  const today = window.days.includes(WEEKDAYS[local.weekday] ?? 'sun')
  const yesterday = window.days.includes(WEEKDAYS[(local.weekday + 6) % 7] ?? 'sun')
  const overnight = to <= from
  const inside = overnight
    ? (today && local.minute >= from) || (yesterday && local.minute < to)
    : today && local.minute >= from && local.minute < to
  if (!inside) return null
  const left = (to - local.minute + DAY) % DAY || DAY
  const end = Math.floor(now / MINUTE) * MINUTE + left * MINUTE
  // Clocks that are changed in between make the end an hour off: put right by what the wall shows then.
  const off = localTime(end, window.timeZone).minute - to
  const nearest = ((off + DAY + DAY / 2) % DAY) - DAY / 2
  return end - nearest * MINUTE
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}

function localTime(at: number, timeZone: string): { readonly weekday: number; readonly minute: number } {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at)
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
  return {
    weekday: WEEKDAYS.indexOf(part('weekday').toLowerCase() as (typeof WEEKDAYS)[number]),
    minute: Number(part('hour')) * 60 + Number(part('minute')),
  }
}
