/** Seconds. */
export const MINUTE = 60
export const HOUR = 3600
export const DAY = 86_400

/** `YYYY-MM-DD`, UTC. @param seconds since the epoch */
export function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}
