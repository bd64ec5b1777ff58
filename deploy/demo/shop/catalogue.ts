import { connect } from './connect.ts'
import { serve } from './http-service.ts'

const db = connect()

await serve('catalogue', {
  'GET /featured': async () => {
    const { rows } = await db.query('SELECT id, name, price_cents FROM product WHERE featured ORDER BY name')
    return { status: 200, body: rows }
  },
  'GET /products/:id': async ({ params }) => {
    const id = Number(params['id'])
    const { rows } = await db.query('SELECT id, name, price_cents, description FROM product WHERE id = $1', [
      id,
    ])
    const stock = await db.query('SELECT quantity FROM stock WHERE product_id = $1', [id])
    if (rows.length === 0) return { status: 404, body: { error: 'no such product' } }
    return { status: 200, body: { ...rows[0], ...stock.rows[0] } }
  },
  'GET /search': async ({ query }) => {
    const { rows } = await db.query(
      'SELECT id, name, price_cents FROM product WHERE name ILIKE $1 ORDER BY name LIMIT $2',
      [`%${query.get('q') ?? ''}%`, 20],
    )
    return { status: 200, body: rows }
  },
})
