import pg from 'pg'

/** A pool of one connection to the shop's database: PGlite runs one query at a time anyway. */
export function connect(): pg.Pool {
  return new pg.Pool({
    host: '127.0.0.1',
    port: Number(process.env['DB_PORT']),
    database: 'postgres',
    user: 'postgres',
    max: 1,
  })
}
