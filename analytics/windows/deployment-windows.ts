import type { Config } from '../../schemas/config.ts'

/** Milliseconds since the epoch, from inclusive to exclusive. */
export interface Span {
  readonly from: number
  readonly to: number
}

export interface WindowSettings {
  readonly watchMinutes: number
  readonly beforeMinutes: number
  readonly warmUpMinutes: number
  readonly latenessSeconds: number
}

/** The settings of one environment. */
export function windowSettings(analysis: Config['analysis'], environment: string): WindowSettings {
  const own = analysis.environments[environment]
  return {
    watchMinutes: own?.watchMinutes ?? analysis.watchMinutes,
    beforeMinutes: own?.beforeMinutes ?? analysis.beforeMinutes,
    warmUpMinutes: own?.warmUpMinutes ?? analysis.warmUpMinutes,
    latenessSeconds: analysis.latenessSeconds,
  }
}

export interface WindowInput {
  /** All milliseconds since the epoch. */
  readonly startedAt: number
  /** Start of the deployment before and after this one, of the same service and environment. */
  readonly previousStartedAt: number | undefined
  readonly nextStartedAt: number | undefined
  /** When the version's share had settled; undefined: at once. */
  readonly rolloutEnd: number | undefined
  /** Up to when data are complete. */
  readonly watermark: number
  readonly settings: WindowSettings
}

export interface DeploymentWindows {
  readonly before: Span
  readonly rollout: Span | null
  readonly warmUp: Span | null
  /** May be empty (`to` = `from`) as long as nothing is complete. */
  readonly after: Span
  /** When the watch window closes: by time, or because the next deployment began. */
  readonly watchEnd: number
  /** When the report becomes final: the watch window's end and the time that telemetry may be late. */
  readonly finalAt: number
  /** True: the next deployment cut the watch window. */
  readonly superseded: boolean
  /** True: everything up to `watchEnd` is complete. */
  readonly closed: boolean
}

const MINUTE = 60_000
/** A time before that is shorter says too little; older minutes of the version before the last are read then as well. */
const SHORTEST_BEFORE = 15 * MINUTE

export function floorMinute(time: number): number {
  return Math.floor(time / MINUTE) * MINUTE
}

/** Lays the windows around a deployment, on whole minutes: before, roll-out, warm-up and after never overlap. */
export function deploymentWindows(input: WindowInput): DeploymentWindows {
  const { settings } = input
  // The minute in which it began holds both versions: it belongs to the roll-out.
  const start = floorMinute(input.startedAt)
  const planned = start + settings.watchMinutes * MINUTE
  const superseded = input.nextStartedAt !== undefined && floorMinute(input.nextStartedAt) < planned
  const watchEnd = Math.max(
    start,
    superseded && input.nextStartedAt !== undefined ? floorMinute(input.nextStartedAt) : planned,
  )
  const rolloutEnd = Math.min(
    watchEnd,
    Math.max(start + MINUTE, Math.ceil((input.rolloutEnd ?? start) / MINUTE) * MINUTE),
  )
  const warmUpEnd = Math.min(watchEnd, rolloutEnd + Math.ceil(settings.warmUpMinutes) * MINUTE)
  const afterEnd = Math.max(warmUpEnd, Math.min(watchEnd, floorMinute(input.watermark)))
  return {
    before: beforeWindow(start, input.previousStartedAt, settings),
    rollout: rolloutEnd > start ? { from: start, to: rolloutEnd } : null,
    warmUp: warmUpEnd > rolloutEnd ? { from: rolloutEnd, to: warmUpEnd } : null,
    after: { from: warmUpEnd, to: afterEnd },
    watchEnd,
    finalAt: watchEnd + settings.latenessSeconds * 1000,
    superseded,
    closed: input.watermark >= watchEnd,
  }
}

/** Time to compare with: ends where the roll-out starts, and leaves out the start of the deployment before where that is possible. */
export function beforeWindow(
  start: number,
  previousStartedAt: number | undefined,
  settings: WindowSettings,
): Span {
  const longest = start - settings.beforeMinutes * MINUTE
  if (previousStartedAt === undefined) return { from: longest, to: start }
  const settled = floorMinute(previousStartedAt) + (1 + Math.ceil(settings.warmUpMinutes)) * MINUTE
  return { from: start - settled >= SHORTEST_BEFORE ? Math.max(longest, settled) : longest, to: start }
}
