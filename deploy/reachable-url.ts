import { hostname } from 'node:os'

/**
 * The address under which others reach a door: one that is open to all has the machine's name.
 * @param url where it listens, as whoever opened it says
 * @param host setting of the door
 */
export function reachableUrl(url: string, host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return url
  const reached = new URL(url)
  reached.hostname = hostname()
  return reached.origin
}
