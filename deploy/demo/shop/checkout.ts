import { pino } from 'pino'
import { priceCart as priceCart26 } from './checkout-2.6/price-cart.ts'
import { priceCart as priceCart27 } from './checkout-2.7/price-cart.ts'
import { connect } from './connect.ts'
import { serve } from './http-service.ts'

const db = connect()
const log = pino()
// One file holds the wiring of both releases; what differs between them is in their folders, as it would be in two commits.
const priceCart = process.env['SHOP_VERSION'] === '2.7.0' ? priceCart27 : priceCart26

await serve(
  'checkout',
  {
    'POST /carts/:id/items': async ({ params, body }) => {
      const product = await db.query('SELECT price_cents FROM product WHERE id = $1', [body['productId']])
      if (product.rows.length === 0) return { status: 404, body: { error: 'no such product' } }
      await db.query('INSERT INTO cart_item (cart_id, product_id, quantity) VALUES ($1, $2, $3)', [
        params['id'],
        body['productId'],
        1,
      ])
      return { status: 201, body: { added: body['productId'] } }
    },
    'POST /orders': async ({ body }) => {
      const cart = String(body['cartId'])
      const total = await priceCart(db, cart, String(body['coupon'] ?? ''))
      const { rows } = await db.query<{ id: number }>(
        'INSERT INTO customer_order (cart_id, total_cents) VALUES ($1, $2) RETURNING id',
        [cart, total],
      )
      log.info(`order ${rows[0]?.id} placed`)
      return { status: 201, body: { id: rows[0]?.id, total } }
    },
    'GET /orders/:id': async ({ params }) => {
      const { rows } = await db.query('SELECT id, total_cents FROM customer_order WHERE id = $1', [
        Number(params['id']),
      ])
      return rows.length === 0
        ? { status: 404, body: { error: 'no such order' } }
        : { status: 200, body: rows[0] }
    },
  },
  log,
)
