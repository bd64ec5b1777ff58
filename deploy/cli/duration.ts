import { PostflightError } from '../../schemas/errors.ts'

const MINUTES: Readonly<Record<string, number>> = { s: 1 / 60, m: 1, h: 60, d: 1440 }

/**
 * `30m`, `90s`, `1h30m`: a number never goes without its unit, which tools differ in. 0 needs none.
 * @returns minutes
 * @throws PostflightError INVALID_REQUEST that names the option
 */
export function parseDuration(option: string, text: string): number {
  if (text === '0') return 0
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)]
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text)
    return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (MINUTES[unit ?? ''] ?? 0), 0)
  throw new PostflightError('INVALID_REQUEST', `${option}: expected a time with its unit, got "${text}".`, {
    hint: 'Such as 90s, 30m or 1h30m.',
  })
}
