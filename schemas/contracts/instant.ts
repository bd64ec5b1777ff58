import { z } from 'zod'

/** A moment as ISO 8601 in UTC, with milliseconds. */
export const instant = z.iso
  .datetime()
  .meta({ description: 'ISO 8601, UTC', examples: ['2026-03-01T12:00:00.000Z'] })
