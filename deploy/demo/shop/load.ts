import { Draws } from '../history/draws.ts'

/** People in the shop: sessions that look, search, fill a cart and mostly order. Its parent says where, how often, and with which seed. */
const shop = process.env['SHOP_URL'] ?? ''
const draws = new Draws(Number(process.env['SHOP_SEED'] ?? 42), 'sessions')
/** Sessions that begin each second, on average; each makes about 11 requests. */
const sessionsPerSecond = Number(process.env['SHOP_SESSIONS_PER_SECOND'] ?? 1.1)
let sessions = 0
let underWay = 0

async function send(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: object,
): Promise<unknown> {
  try {
    const response = await fetch(`${shop}${path}`, {
      method,
      headers: { 'user-agent': 'Mozilla/5.0 (demo shop)', 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return await response.json()
  } catch {
    // A person whose page does not load goes away.
    return undefined
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100 + 700 * draws.uniform()))
}

async function session(number: number): Promise<void> {
  const cartId = `cart-${process.pid}-${number}`
  const headers = {
    'x-session-id': `session-${process.pid}-${number}`,
    'x-user-id': `user-${draws.whole(1, 5000)}`,
  }
  await send('GET', '/', headers)
  const lines = draws.whole(2, 6)
  for (let i = 0; i < lines; i++) {
    await pause()
    const productId = draws.whole(1, 400)
    if (draws.uniform() < 0.4) {
      await send('GET', `/search?q=${String.fromCharCode(draws.whole(65, 90))}`, headers)
    }
    await send('GET', `/products/${productId}`, headers)
    await send('POST', '/cart', headers, { cartId, productId })
  }
  if (draws.uniform() < 0.2) return
  await pause()
  const coupon = draws.uniform() < 0.25 ? 'WELCOME' : draws.uniform() < 0.1 ? 'SPRING' : ''
  const order = (await send('POST', '/checkout', headers, { cartId, coupon })) as { id?: number } | undefined
  if (order?.id !== undefined && draws.uniform() < 0.5) {
    await pause()
    await send('GET', `/orders/${order.id}`, headers)
  }
}

function next(): void {
  // What can't be served is not piled up.
  if (underWay < 50) {
    underWay++
    sessions++
    const over = (): void => {
      underWay--
    }
    session(sessions).then(over, over)
  }
  setTimeout(next, (-Math.log(1 - draws.uniform()) / sessionsPerSecond) * 1000)
}

process.once('disconnect', () => process.exit(0))
process.once('SIGTERM', () => process.exit(0))
process.send?.({ port: 0 })
next()
