import type { Method } from './method.ts'
import { KAYENTA_DEFAULTS, kayenta } from './peers/kayenta.ts'
import { plainPlacebo } from './peers/plain-placebo.ts'
import { repeatedLooking } from './peers/repeated-looking.ts'
import { threshold } from './peers/threshold.ts'
import { welchTest } from './peers/welch.ts'
import { postflight } from './product.ts'

export const OURS = postflight(false)

/** Ours first. */
export const METHODS: readonly Method[] = [
  OURS,
  postflight(true),
  plainPlacebo,
  kayenta('kayenta', KAYENTA_DEFAULTS),
  kayenta('kayenta-effect-25', { ...KAYENTA_DEFAULTS, allowedIncrease: 1.25, allowedDecrease: 0.8 }),
  threshold,
  welchTest,
  repeatedLooking,
]
