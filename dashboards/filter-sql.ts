/**
 * Conditions and steps shared by the queries. Variables are interpolated as `sqlstring`, which quotes them: the plugin's own
 * interpolation of a list does not escape quotes.
 */
export const SERVICE = `service = \${service:sqlstring} AND environment = \${environment:sqlstring}`

/** The versions chosen on the dashboard; all versions cost no condition. */
export const CHOSEN_VERSIONS = `$__conditionalAll(version IN (\${version:sqlstring}), $version)`

/** The two versions that are compared. */
export const COMPARED_VERSIONS = `version IN (\${before:sqlstring}, \${after:sqlstring})`

/** Past this the hours are read instead of the minutes: a histogram map of each minute is what a long range would cost most. */
const HOURLY_AFTER_SECONDS = 2 * 86_400

/** Boolean SQL, constant for a query: the side of a UNION that is false reads nothing. */
export const HOURLY = `($__toTime - $__fromTime > ${HOURLY_AFTER_SECONDS})`

/** Seconds between points: a whole number of the cells that are read. */
export const STEP = `toUInt32(if(${HOURLY}, greatest(1, intDiv($__interval_s + 3599, 3600)) * 3600, greatest(1, intDiv($__interval_s + 59, 60)) * 60))`

/** Start of the step that a time belongs to. @param time SQL of a DateTime */
export function stepStart(time: string): string {
  return `toDateTime(intDiv(toUnixTimestamp(${time}), ${STEP}) * ${STEP})`
}

/** The range from the start of its first step, so that the first point is not made of a part. @param time SQL of a DateTime */
export function inRange(time: string): string {
  return `${time} >= ${stepStart('$__fromTime')} AND ${time} <= $__toTime`
}
