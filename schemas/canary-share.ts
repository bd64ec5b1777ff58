import { z } from 'zod'

/** Attribute of a deployment that declares the new version's share of the traffic: 0.1 or 10 %. */
export const CANARY_SHARE = 'canaryShare'

/** @returns 0 to 1, both excluded; undefined: no such share */
export function parseShare(text: string): number | undefined {
  const match = /^\s*(\d*\.?\d+)\s*(%?)\s*$/.exec(text)
  if (match === null) return undefined
  const share = Number(match[1]) / (match[2] === '%' ? 100 : 1)
  return share > 0 && share < 1 ? share : undefined
}

/** A share as somebody tells it, kept as it was told. */
export const canaryShareSchema = z
  .union([z.string(), z.number().transform(String)])
  .refine((text) => parseShare(text) !== undefined, {
    error: 'a share above 0 and below 1, such as 0.1 or 10%; none where the new version gets all',
  })
