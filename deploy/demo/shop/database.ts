import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

/** The shop's PostgreSQL in a process of its own: PGlite, in memory, behind PostgreSQL's protocol. */
const db = await PGlite.create()
await db.exec(`
  CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL, price_cents int NOT NULL, featured bool NOT NULL, description text NOT NULL);
  CREATE TABLE stock (product_id int PRIMARY KEY, quantity int NOT NULL);
  CREATE TABLE cart_item (cart_id text NOT NULL, product_id int NOT NULL, quantity int NOT NULL);
  CREATE INDEX ON cart_item (cart_id);
  CREATE TABLE customer_order (id serial PRIMARY KEY, cart_id text NOT NULL, total_cents int NOT NULL);
  INSERT INTO product SELECT i, 'Product ' || chr(65 + i % 26) || i, 100 + (i * 7919) % 9900, i % 40 = 0, repeat('A fine thing. ', 8)
    FROM generate_series(1, 400) AS i;
  INSERT INTO stock SELECT i, (i * 31) % 50 FROM generate_series(1, 400) AS i;
`)
// Connections share the one session of PGlite; the server runs their queries one after the other.
const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0, maxConnections: 20 })
const listening = new Promise<number>((resolve) => {
  server.addEventListener('listening', (event) =>
    resolve((event as CustomEvent<{ port: number }>).detail.port),
  )
})
await server.start()
process.send?.({ port: await listening })

const stop = async (): Promise<void> => {
  await server.stop()
  await db.close()
  process.exit(0)
}
process.once('SIGTERM', stop)
process.once('disconnect', stop)
