import type pg from 'pg'

interface Discount {
  readonly percent: number
}

const DISCOUNTS: Readonly<Record<string, Discount>> = { SPRING: { percent: 10 } }

/**
 * What a cart costs, in cents. The release that the demonstration rolls out, with the two mistakes that it has to be caught for:
 * a query for each line of the cart, and a coupon that is taken for known.
 */
export async function priceCart(db: pg.Pool, cart: string, coupon: string): Promise<number> {
  const lines = await db.query<{ product_id: number; quantity: number }>(
    'SELECT product_id, quantity FROM cart_item WHERE cart_id = $1',
    [cart],
  )
  let total = 0
  for (const line of lines.rows) {
    const { rows } = await db.query<{ price_cents: number }>(
      'SELECT price_cents FROM product WHERE id = $1',
      [line.product_id],
    )
    total += (rows[0]?.price_cents ?? 0) * line.quantity
  }
  if (coupon === '') return total
  const discount = DISCOUNTS[coupon] as Discount
  return Math.round(total * (1 - discount.percent / 100))
}
