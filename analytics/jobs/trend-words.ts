import type { ServiceSignalTrend } from '../../schemas/contracts/service-trends.ts'
import { difference, quantity } from './words.ts'

type Change = ServiceSignalTrend['changes'][number]

/** A ratio as a percentage with its sign, a difference in its unit. */
function moved(value: number | null, scale: ServiceSignalTrend['scale'], unit: string): string {
  if (value === null) return '?'
  if (scale === 'difference') return `${value > 0 ? '+' : ''}${difference(value, unit)}`
  const percent = (value - 1) * 100
  return `${percent > 0 ? '+' : ''}${Number(percent.toPrecision(Math.abs(percent) >= 100 ? 3 : 2))}\u00a0%`
}

/** Such as `+4.2 % in 30 days (+1.1 % to +7.4 %)`, or that no trend is established. */
export function slopeWords({ slope, scale, unit }: ServiceSignalTrend): string {
  if (slope === null) return 'too few values'
  const interval = `${moved(slope.low, scale, unit)} to ${moved(slope.high, scale, unit)}`
  if (slope.p > 0.01) return `none established (${interval} in 30 days)`
  return `${moved(slope.value, scale, unit)} in 30 days (${interval})`
}

/** Such as `from 120 ms to 151 ms (+26 %)`. */
export function changeWords({ before, after, ratio }: Change, unit: string): string {
  const size = ratio === null ? '' : ` (${moved(ratio, 'ratio', unit)})`
  return `from ${quantity(before, unit)} to ${quantity(after, unit)}${size}`
}

/** What a change goes with, and how sure that is. */
export function causeWords({ cause, established, provisional }: Change): string {
  const late = provisional ? ', provisional' : ''
  if (!established) return `possible, noise with a long memory looks alike${late}`
  if (cause.kind === 'environment') return `with ${cause.causes.join('; ')}${late}`
  if (cause.kind === 'unexplained') return `unexplained: no release within its window${late}`
  const versions =
    cause.versions.length > 3 ? `${cause.versions.length} releases` : cause.versions.join(' or ')
  const chance =
    cause.byChance >= 0.2
      ? ` (or by chance: ${Math.round(cause.byChance * 100)} % of all moments are as near to a release)`
      : ''
  return `with ${versions}${chance}${late}`
}

/** What the releases add up to, such as `12 releases: +9.8 % (+4.5 % to +15 %)`. */
export function creepWords({ creep, unit }: ServiceSignalTrend): string {
  if (creep === null) return 'no release was compared'
  const { scale, releases, leftOut, uncalled, crept } = creep
  const sum = ({ value, low, high }: { value: number; low: number | null; high: number | null }): string =>
    `${moved(value, scale, unit)} (${moved(low, scale, unit)} to ${moved(high, scale, unit)})`
  const left = leftOut === 0 ? '' : `, ${leftOut} not measured`
  const slow =
    crept && uncalled !== null ? `, of which ${sum(uncalled)} by releases none of which was called out` : ''
  return `${releases.length} ${releases.length === 1 ? 'release' : 'releases'}: ${sum(creep)}${left}${slow}`
}

/** The releases that add most to the sum, largest first. */
export function largestReleases({ creep, unit }: ServiceSignalTrend, most: number): string {
  if (creep === null) return ''
  const size = (value: number): number => Math.abs(creep.scale === 'ratio' ? Math.log(value) : value)
  return creep.releases
    .toSorted((a, b) => size(b.value) - size(a.value))
    .slice(0, most)
    .map(({ version, value }) => `${version} ${moved(value, creep.scale, unit)}`)
    .join(', ')
}

/** Whether there is anything to tell. */
export function hasNews(trend: ServiceSignalTrend): boolean {
  return (
    trend.creep?.crept === true ||
    trend.possible !== null ||
    trend.changes.length > 0 ||
    (trend.slope !== null && trend.slope.p <= 0.01)
  )
}
