import { trace } from '@opentelemetry/api'
import { type Answer, type Asked, ask, serve } from './http-service.ts'

/** Addresses of the services behind; more than one while a roll-out goes on. The parent process is the service registry. */
const upstreams: Record<'checkout' | 'catalogue', readonly string[]> = {
  checkout: (process.env['CHECKOUT_URLS'] ?? '').split(','),
  catalogue: (process.env['CATALOGUE_URLS'] ?? '').split(','),
}
let turn = 0

process.on('message', (message: { upstreams?: Partial<typeof upstreams> }) => {
  Object.assign(upstreams, message.upstreams)
})

async function forward(
  service: keyof typeof upstreams,
  asked: Asked,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const span = trace.getActiveSpan()
  for (const [header, attribute] of [
    ['x-session-id', 'session.id'],
    ['x-user-id', 'user.id'],
  ] as const) {
    const value = asked.headers[header]
    if (typeof value === 'string') span?.setAttribute(attribute, value)
  }
  turn++
  const instances = upstreams[service]
  const answer = await ask(method, `${instances[turn % instances.length]}${path}`, body)
  return answer.status >= 500 ? { status: 502, body: { error: `${service} failed` } } : answer
}

await serve('gateway', {
  'GET /': (asked) => forward('catalogue', asked, 'GET', '/featured'),
  'GET /products/:id': (asked) => forward('catalogue', asked, 'GET', `/products/${asked.params['id']}`),
  'GET /search': (asked) =>
    forward('catalogue', asked, 'GET', `/search?q=${encodeURIComponent(asked.query.get('q') ?? '')}`),
  'POST /cart': (asked) =>
    forward('checkout', asked, 'POST', `/carts/${asked.body['cartId']}/items`, {
      productId: asked.body['productId'],
    }),
  'POST /checkout': (asked) => forward('checkout', asked, 'POST', '/orders', asked.body),
  'GET /orders/:id': (asked) => forward('checkout', asked, 'GET', `/orders/${asked.params['id']}`),
})
