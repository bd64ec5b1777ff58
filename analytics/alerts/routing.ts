import type { AlertSettings, Route, WeeklyWindow } from '../../schemas/alerts.ts'
import type { Alert } from '../../schemas/contracts/alert.ts'
import type { Mute } from '../../schemas/contracts/mute.ts'
import { endOfWindow } from './weekly-window.ts'

export type Rules = Pick<AlertSettings, 'routes' | 'quietHours' | 'maintenance' | 'mutedEnvironments'>

/** What routes look at. */
type Routed = Pick<Alert, 'service' | 'environment' | 'severity' | 'owner'>

/** Whether a receiver is told of an alert now, and if not, why, and until when (milliseconds; null: for as long as the settings say so). */
export type Permission =
  | { readonly kind: 'send' }
  | { readonly kind: 'hold'; readonly why: string; readonly until: number | null }

const SEND: Permission = { kind: 'send' }

/**
 * Routing, mutes, maintenance and quiet hours in one place.
 * @param now milliseconds
 */
export function permission(
  alert: Routed & Pick<Alert, 'shadow' | 'mutedUntil'>,
  receiver: string,
  rules: Rules,
  now: number,
): Permission {
  if (alert.shadow) return { kind: 'hold', why: 'only watched, not sent (shadow)', until: null }
  if (!isRouted(alert, receiver, rules)) return { kind: 'hold', why: 'not routed here', until: null }
  const muted = alert.mutedUntil === null ? 0 : Date.parse(alert.mutedUntil)
  if (now < muted) return { kind: 'hold', why: 'muted', until: muted }
  const maintenance = heldBy(rules.maintenance, alert, receiver, now)
  if (maintenance !== null) return { kind: 'hold', why: 'maintenance', until: maintenance }
  if (alert.severity === 'page') return SEND
  const quiet = heldBy(rules.quietHours, alert, receiver, now)
  return quiet === null ? SEND : { kind: 'hold', why: 'quiet hours', until: quiet }
}

export function mutesAlert(
  mute: Mute,
  alert: Pick<Alert, 'id' | 'service' | 'environment'>,
  now: number,
): boolean {
  return (
    Date.parse(mute.startsAt) <= now &&
    now < Date.parse(mute.endsAt) &&
    (mute.alertId === '' || mute.alertId === alert.id) &&
    (mute.service === '' || mute.service === alert.service) &&
    (mute.environment === '' || mute.environment === alert.environment)
  )
}

/** Whether a receiver is told of such things at all. */
export function isRouted(
  about: Routed,
  receiver: string,
  rules: Pick<Rules, 'routes' | 'mutedEnvironments'>,
): boolean {
  if (rules.mutedEnvironments.includes(about.environment)) return false
  const matching = rules.routes.filter((route) => matches(route, about))
  return matching.length === 0 || matching.some((route) => route.receivers.includes(receiver))
}

function heldBy(
  windows: readonly WeeklyWindow[],
  alert: Routed,
  receiver: string,
  now: number,
): number | null {
  const ends = windows
    .filter((window) => matches(window, alert))
    .filter((window) => window.receivers.length === 0 || window.receivers.includes(receiver))
    .map((window) => endOfWindow(window, now))
    .filter((end) => end !== null)
  return ends.length === 0 ? null : Math.max(...ends)
}

function matches(
  rule: Pick<Route, 'services' | 'environments' | 'severities' | 'owners'>,
  alert: Routed,
): boolean {
  return (
    oneOf(rule.services, alert.service) &&
    oneOf(rule.environments, alert.environment) &&
    oneOf(rule.severities, alert.severity) &&
    oneOf(rule.owners, alert.owner)
  )
}

function oneOf(patterns: readonly string[], value: string): boolean {
  return (
    patterns.length === 0 ||
    patterns.some((pattern) =>
      pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern,
    )
  )
}
