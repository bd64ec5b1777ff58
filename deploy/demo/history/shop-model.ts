import { dialectOf } from '../../../ingest/statements/dialect.ts'
import { normalizeStatement } from '../../../ingest/statements/normalize.ts'

/** The shop as the history tells it: the same services, routes and statements as the live one has. */
export const SERVICES = ['gateway', 'checkout', 'catalogue'] as const
export type Service = (typeof SERVICES)[number]

export interface QueryModel {
  readonly text: string
  readonly operation: string
  readonly table: string
  /** Median, seconds. */
  readonly median: number
  /** Rows returned; 0 for statements that return none. */
  readonly rows: number
}

export interface RouteModel {
  readonly service: Service
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Median of the service's own time, seconds. */
  readonly median: number
  /** Share of requests that fail without an exception, on an ordinary day. */
  readonly failures: number
  readonly queries: readonly QueryModel[]
}

export interface GatewayRouteModel extends RouteModel {
  /** Share of the shop's requests. */
  readonly share: number
  readonly downstream: RouteModel
}

/** What the gateway and the services are called by each other. */
export const PEERS: Readonly<Record<Service, string>> = {
  gateway: 'shop.example',
  checkout: 'checkout.shop.internal',
  catalogue: 'catalogue.shop.internal',
}

function query(text: string, operation: string, table: string, median: number, rows: number): QueryModel {
  return { text, operation, table, median, rows }
}

const featured: RouteModel = {
  service: 'catalogue',
  method: 'GET',
  path: '/featured',
  median: 0.003,
  failures: 0.003,
  queries: [
    query(
      'SELECT id, name, price_cents FROM product WHERE featured ORDER BY name',
      'SELECT',
      'product',
      0.003,
      12,
    ),
  ],
}
const product: RouteModel = {
  service: 'catalogue',
  method: 'GET',
  path: '/products/:id',
  median: 0.004,
  failures: 0.003,
  queries: [
    query(
      'SELECT id, name, price_cents, description FROM product WHERE id = $1',
      'SELECT',
      'product',
      0.0015,
      1,
    ),
    query('SELECT quantity FROM stock WHERE product_id = $1', 'SELECT', 'stock', 0.0012, 1),
  ],
}
const search: RouteModel = {
  service: 'catalogue',
  method: 'GET',
  path: '/search',
  median: 0.009,
  failures: 0.005,
  queries: [
    query(
      'SELECT id, name, price_cents FROM product WHERE name ILIKE $1 ORDER BY name LIMIT $2',
      'SELECT',
      'product',
      0.006,
      20,
    ),
  ],
}
const addToCart: RouteModel = {
  service: 'checkout',
  method: 'POST',
  path: '/carts/:id/items',
  median: 0.006,
  failures: 0.004,
  queries: [
    query(
      'INSERT INTO cart_item (cart_id, product_id, quantity) VALUES ($1, $2, $3)',
      'INSERT',
      'cart_item',
      0.0025,
      0,
    ),
  ],
}
const placeOrder: RouteModel = {
  service: 'checkout',
  method: 'POST',
  path: '/orders',
  median: 0.045,
  failures: 0.008,
  queries: [
    query('SELECT product_id, quantity FROM cart_item WHERE cart_id = $1', 'SELECT', 'cart_item', 0.002, 3),
    query(
      'INSERT INTO customer_order (cart_id, total_cents) VALUES ($1, $2)',
      'INSERT',
      'customer_order',
      0.004,
      0,
    ),
  ],
}
const readOrder: RouteModel = {
  service: 'checkout',
  method: 'GET',
  path: '/orders/:id',
  median: 0.005,
  failures: 0.003,
  queries: [
    query(
      'SELECT id, total_cents, placed_at FROM customer_order WHERE id = $1',
      'SELECT',
      'customer_order',
      0.0018,
      1,
    ),
  ],
}

function through(
  method: RouteModel['method'],
  path: string,
  share: number,
  failures: number,
  downstream: RouteModel,
): GatewayRouteModel {
  return { service: 'gateway', method, path, share, median: 0.003, failures, queries: [], downstream }
}

/** Everything that people ask the shop for; the shares add to 1. */
export const GATEWAY_ROUTES: readonly GatewayRouteModel[] = [
  through('GET', '/', 0.14, 0.002, featured),
  through('GET', '/products/:id', 0.24, 0.002, product),
  through('GET', '/search', 0.18, 0.002, search),
  through('POST', '/cart', 0.18, 0.003, addToCart),
  through('POST', '/checkout', 0.12, 0.01, placeOrder),
  through('GET', '/orders/:id', 0.14, 0.002, readOrder),
]

/** The routes of a service. */
export function routesOf(service: Service): readonly RouteModel[] {
  return service === 'gateway'
    ? GATEWAY_ROUTES
    : GATEWAY_ROUTES.map((route) => route.downstream).filter((route) => route.service === service)
}

/** As the catalogue names the statement's dimension. */
export function statementName(query: { readonly text: string }): string {
  return normalizeStatement(query.text, dialectOf('postgresql'))
}

/** As the catalogue names the route's dimension. */
export function routeName(route: RouteModel): string {
  return `${route.method} ${route.path}`
}

export interface ExceptionModel {
  readonly type: string
  readonly message: string
}

/** What each service throws now and then on an ordinary day. */
export const BACKGROUND_EXCEPTIONS: Readonly<Record<Service, ExceptionModel>> = {
  gateway: { type: 'UpstreamTimeoutError', message: 'the service behind did not answer in time' },
  checkout: { type: 'PaymentDeclinedError', message: 'the card was declined' },
  catalogue: { type: 'ValidationError', message: 'unknown sort order' },
}

/** What bad code throws; the messages hold nothing that varies. */
export const NEW_EXCEPTIONS: readonly ExceptionModel[] = [
  { type: 'TypeError', message: 'items is not iterable' },
  { type: 'RangeError', message: 'Invalid time value' },
  { type: 'SyntaxError', message: 'Unexpected end of JSON input' },
  { type: 'ReferenceError', message: 'discount is not defined' },
]
