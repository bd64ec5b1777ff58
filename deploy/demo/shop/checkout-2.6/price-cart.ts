import type pg from 'pg'

const DISCOUNTS: Readonly<Record<string, number>> = { SPRING: 0.1 }

/** What a cart costs, in cents. A coupon that nobody knows changes nothing. */
export async function priceCart(db: pg.Pool, cart: string, coupon: string): Promise<number> {
  const { rows } = await db.query<{ total: string | null }>(
    'SELECT sum(p.price_cents * c.quantity) AS total FROM cart_item c JOIN product p ON p.id = c.product_id WHERE c.cart_id = $1',
    [cart],
  )
  return Math.round(Number(rows[0]?.total ?? 0) * (1 - (DISCOUNTS[coupon] ?? 0)))
}
