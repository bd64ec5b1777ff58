import type { DeploymentState, Verdict } from '../../schemas/contracts/report.ts'
import { spokenKind } from '../../schemas/exception-kind.ts'
import type { Signal } from '../../schemas/signals/signal.ts'

/** Numbers as people read them: 212 ms, 1.4 %, 3.2 MB, 0.8 per request. */
export function quantity(value: number, unit: string): string {
  const size = Math.abs(value)
  switch (unit) {
    case 's':
      if (size >= 1) return `${digits(value)} s`
      return size >= 0.001 || size === 0 ? `${digits(value * 1000)} ms` : `${digits(value * 1e6)} us`
    case '1':
      return `${digits(value * 100)} %`
    case 'By':
    case 'By/s': {
      const rest = unit === 'By' ? '' : '/s'
      if (size >= 2 ** 30) return `${digits(value / 2 ** 30)} GiB${rest}`
      if (size >= 2 ** 20) return `${digits(value / 2 ** 20)} MiB${rest}`
      return size >= 1024 ? `${digits(value / 1024)} KiB${rest}` : `${digits(value)} B${rest}`
    }
    default:
      return `${digits(value)}${perWhat(unit, value)}`
  }
}

/** A difference of two quantities: of shares it is in percentage points (pp), since a percentage would read as relative. */
export function difference(value: number, unit: string): string {
  return unit === '1' ? `${digits(value * 100)} pp` : quantity(value, unit)
}

function perWhat(unit: string, value: number): string {
  const [what = '', divisor] = unit.split('/')
  const per = divisor?.replaceAll(/[{}]/g, '')
  const counted = value === 1 ? what.replaceAll(/[{}]/g, '') : severalOf(what)
  if (per === undefined) return counted === '' ? '' : ` ${counted}`
  return per === 'request' ? ' per request' : per === 'min' ? ' a minute' : ` ${counted}/${per}`
}

/** `{row}`, a thing that is counted, as `rows`; symbols such as `s` stay. */
function severalOf(unit: string): string {
  return unit.replace(/\{(\w*)\}/, (_all, thing: string) =>
    thing === '' ? '' : thing.endsWith('y') ? `${thing.slice(0, -1)}ies` : `${thing}s`,
  )
}

/** A bound of a ratio beyond this factor, either way, says nothing; nor does an interval that is wider, upper by lower bound. */
const WIDEST = 1000

/** Of an interval that is open on both sides. */
export const NOT_KNOWN = 'not known yet'

/**
 * A confidence interval in words: "1.4x to 3.2x", "at least 2 %", or that nothing is known yet.
 * @param bounds null where open
 * @param of bounds of ratios that are a thousand times off are open, too
 */
export function range(
  [low, high]: readonly [number | null, number | null],
  of: Verdict['intervalOf'],
  show: (bound: number) => string,
): string {
  const from = low !== null && of === 'ratio' && low < 1 / WIDEST ? null : low
  const to = high !== null && of === 'ratio' && high > WIDEST ? null : high
  if (from === null) return to === null ? NOT_KNOWN : `at most ${show(to)}`
  return to === null ? `at least ${show(from)}` : `${show(from)} to ${show(to)}`
}

/** A factor, such as 1.81x. */
export function factor(ratio: number): string {
  return `${Number(ratio.toPrecision(3))}x`
}

/**
 * The levels that an effect is between, and of which statistic: a service's median may double while its p95 stays.
 * @returns `of` is '' where the signal has one level only
 */
export function comparedLevels(verdict: {
  readonly compared?: Verdict['compared']
  readonly before: { readonly value: number | null }
  readonly after: { readonly value: number | null }
}): { readonly of: string; readonly before: number | null; readonly after: number | null } {
  const { compared, before, after } = verdict
  if (compared == null) return { of: '', before: before.value, after: after.value }
  const { statistic } = compared
  const of = /^p\d+$/.test(statistic) ? statistic : statistic === 'geometric mean' ? 'mean' : ''
  return { of, before: compared.before, after: compared.after }
}

function digits(value: number): string {
  if (value === 0) return '0'
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

/** Whether the interval of a ratio is worth showing. */
export function isTelling(interval: readonly [number, number] | null): interval is [number, number] {
  return interval !== null && interval[1] <= WIDEST * interval[0]
}

/** Whether a deployment has no data to be compared since its service had no version before, which is no lack. */
export function isFirstVersion(state: DeploymentState | null, previousVersion: string | null): boolean {
  return state === 'no_data' && previousVersion === null
}

export interface Change {
  readonly signal: Signal
  readonly dimension: string
  /** 'p95', 'mean' ... as the comparison says. */
  readonly statistic: string
  readonly before: number
  readonly after: number
  readonly ratio: number
  readonly fact: 'new' | 'resurfaced' | 'gone' | null
}

/** A change in one phrase, such as "POST /pay answers 1.8x slower at p95 (212 ms -> 381 ms)". */
export function phrase(change: Change): string {
  const { signal, before, after, ratio, fact } = change
  const dimension = signal.dimension === 'exception' ? spokenKind(change.dimension) : change.dimension
  const unit = signal.unit
  if (fact === 'new') return `new ${kindOf(signal)} ${dimension} (${quantity(after, unit)})`
  if (fact === 'resurfaced') return `${kindOf(signal)} ${dimension} is back (${quantity(after, unit)})`
  if (fact === 'gone') return `${kindOf(signal)} ${dimension} is gone (was ${quantity(before, unit)})`
  const levels = `(${quantity(before, unit)} -> ${quantity(after, unit)})`
  const up = ratio >= 1
  const times = `${digits(up ? ratio : 1 / ratio)}x`
  const often = before === 0 ? ', up from none' : ` ${times} ${up ? 'more often' : 'less often'}`
  switch (signal.id) {
    case 'latency.server':
      return `${dimension === '' ? 'requests are' : `${dimension} answers`} ${times} ${up ? 'slower' : 'faster'} ${at(change)} ${levels}`
    case 'latency.client':
      return `calls${dimension === '' ? '' : ` to ${dimension}`} take ${times} ${up ? 'longer' : 'less long'} ${at(change)} ${levels}`
    case 'db.duration':
      return `${dimension === '' ? 'database queries take' : `query "${dimension}" takes`} ${times} ${up ? 'longer' : 'less long'} ${at(change)} ${levels}`
    case 'errors.server':
      return `${dimension === '' ? 'requests fail' : `${dimension} fails`}${often} ${levels}`
    case 'db.calls':
      return `${dimension === '' ? 'database calls per request' : `query "${dimension}" per request`}${often} ${levels}`
    case 'exceptions.rate':
      return `${dimension === '' ? 'exceptions' : `exception ${dimension}`}${often} ${levels}`
    default: {
      const name = dimension === '' ? signal.title : `${signal.title} of ${dimension}`
      const how = before === 0 ? 'up from none' : `${times} ${up ? 'up' : 'down'}`
      return `${name} ${how}${signal.kind === 'distribution' ? ` ${at(change)}` : ''} ${levels}`
    }
  }
}

function at(change: Change): string {
  return change.statistic.startsWith('p') ? `at ${change.statistic}` : 'on average'
}

function kindOf(signal: Signal): string {
  return signal.dimension ?? 'event'
}

interface Named {
  readonly title: string
  /** '' for the service as a whole. */
  readonly dimension: string
}

/** What a verdict is of: the signal's title, and of which dimension. */
export function nameOf({ title, dimension }: Named): string {
  return dimension === '' ? title : `${title} of ${dimension}`
}

/** The same within a sentence. */
export function nameWithin({ title, dimension }: Named): string {
  return nameOf({ title: title.toLowerCase(), dimension })
}

/** `40 s`, `7 min`, `3 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
