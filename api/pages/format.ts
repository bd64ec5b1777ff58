import { html } from 'ghtml'
import { difference, quantity } from '../../analytics/jobs/words.ts'

const MOMENT = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
})

/** A moment for people, in UTC and said so. @param iso ISO 8601 */
export function moment(iso: string): string {
  return html`<time datetime="${iso}">${MOMENT.format(new Date(iso))} UTC</time>`
}

/** How long ago, in the largest unit that fits. @param now milliseconds */
export function ago(iso: string, now: number): string {
  const minutes = Math.round((now - Date.parse(iso)) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 120) return `${minutes} min ago`
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h ago`
  return `${Math.round(minutes / 1440)} days ago`
}

/** Minutes as people say them. */
export function span(minutes: number): string {
  if (minutes < 120) return `${Math.max(1, Math.round(minutes))} min`
  if (minutes < 48 * 60) return `${Number((minutes / 60).toFixed(1))} h`
  return `${Number((minutes / 1440).toFixed(1))} days`
}

export function number(value: number | null): string {
  if (value === null) return '–'
  const size = Math.abs(value)
  if (size >= 1000) return new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 }).format(value)
  return String(Number(value.toPrecision(3)))
}

export function valueWithUnit(value: number | null, unit: string): string {
  return value === null ? '–' : quantity(value, unit).replace(' us', ' µs')
}

/** A difference of two values; of shares in percentage points. */
export function differenceWithUnit(value: number, unit: string): string {
  return difference(value, unit).replace(' us', ' µs').replace(' pp', ' percentage points')
}

/** A factor, such as 1.8×. */
export function factor(ratio: number | null): string {
  return ratio === null ? '–' : `${number(ratio)}×`
}

export function percent(share: number | null): string {
  if (share === null) return '–'
  return `${Number((share * 100).toPrecision(3))} %`
}

export function releasePath(service: string, version: string, environment?: string): string {
  const query = environment === undefined ? '' : `?environment=${encodeURIComponent(environment)}`
  return `/releases/${encodeURIComponent(service)}/${encodeURIComponent(version)}${query}`
}

export function servicePath(service: string): string {
  return `/services/${encodeURIComponent(service)}`
}

/** The analysis writes for terminals too; here the signs may be the right ones. */
export function prose(text: string): string {
  return text.replaceAll(' -> ', ' → ').replaceAll(/(\d)x(?=[\s,;.)]|$)/g, '$1×')
}
