import { z } from 'zod'

/** One page of a list; `nextCursor` continues it and is null on the last page. */
export function pageOf<T extends z.ZodType>(items: T) {
  return z.object({ items: z.array(items), nextCursor: z.string().nullable() })
}

export const limitSchema = z.coerce
  .number()
  .int()
  .min(1)
  .max(500)
  .default(50)
  .meta({ description: 'Items a page' })

export const cursorSchema = z
  .string()
  .max(1000)
  .optional()
  .meta({ description: 'The `nextCursor` of the page before, under the same filters and sorting' })
