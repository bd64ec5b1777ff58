import { randomBytes, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

interface StoreAddress {
  url: string
  user: string
  password: string
}

interface PlainAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
  /** The connection broke off before the answer's end. */
  broken: boolean
}

/** One request as curl would send it. */
function plain(
  address: StoreAddress,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array } = {},
): Promise<PlainAnswer> {
  return new Promise((resolve, reject) => {
    const credentials =
      address.password === ''
        ? {}
        : { 'X-ClickHouse-User': address.user, 'X-ClickHouse-Key': address.password }
    const call = request(
      new URL(path, address.url),
      { method: options.method ?? 'GET', headers: { ...credentials, ...options.headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        const done = (broken: boolean) =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
            broken,
          })
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => done(false))
        response.on('error', () => done(true))
      },
    )
    call.on('error', reject)
    call.end(options.body)
  })
}

function query(sql: string, more: Record<string, string> = {}): string {
  return `/?${new URLSearchParams({ query: sql, ...more })}`
}

/** A Native block of (id UInt64, text String). */
function nativeBlock(ids: readonly number[], text: (id: number) => string): Buffer {
  const name = (word: string) => Buffer.concat([Buffer.from([word.length]), Buffer.from(word)])
  const varint = (value: number) => {
    const bytes: number[] = []
    let rest = value
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
    return Buffer.from([...bytes, rest])
  }
  const numbers = Buffer.alloc(ids.length * 8)
  ids.forEach((id, i) => {
    numbers.writeBigUInt64LE(BigInt(id), i * 8)
  })
  const texts = ids.flatMap((id) => [varint(Buffer.byteLength(text(id))), Buffer.from(text(id))])
  return Buffer.concat([
    varint(2),
    varint(ids.length),
    name('id'),
    name('UInt64'),
    numbers,
    name('text'),
    name('String'),
    ...texts,
  ])
}

/** What Postflight and its users need of a ClickHouse, whichever it is. */
export function storeSuite(title: string, getAddress: () => Promise<StoreAddress>): void {
  describe(title, () => {
    const database = `suite_${randomBytes(4).toString('hex')}`
    let address: StoreAddress
    let client: ClickHouseClient
    const rows = async <T>(sql: string, params: Record<string, unknown> = {}): Promise<T[]> =>
      (await client.query({ query: sql, query_params: params, format: 'JSONEachRow' })).json<T>()

    const connect = (more: Parameters<typeof createClient>[0] = {}) =>
      createClient({
        url: address.url,
        username: address.user,
        password: address.password,
        database,
        log: { level: 127 },
        clickhouse_settings: { async_insert: 0 },
        ...more,
      })

    beforeAll(async () => {
      address = await getAddress()
      client = connect()
      const maker = connect({ database: 'default' })
      await maker.command({ query: `CREATE DATABASE ${database}` })
      await maker.close()
      await client.command({
        query: 'CREATE TABLE pairs (id UInt64, text String) ENGINE = MergeTree ORDER BY id',
      })
    })

    afterAll(async () => {
      await client.command({ query: `DROP DATABASE IF EXISTS ${database}` })
      await client.close()
    })

    describe('reading', () => {
      test('answers a ping, and a ping by query', async () => {
        expect(await client.ping()).toEqual({ success: true })
        expect(await client.ping({ select: true })).toEqual({ success: true })
        expect((await plain(address, '/ping')).body.toString()).toBe('Ok.\n')
      })

      test('JSON comes as one document, however many blocks it has', async () => {
        const result = await client.query({
          query: 'SELECT number FROM numbers(300000)',
          format: 'JSON',
          clickhouse_settings: { max_block_size: '1000' },
        })
        const document = await result.json<{ number: string }>()
        expect(document.rows).toBe(300_000)
        expect(document.data).toHaveLength(300_000)
        expect(document.statistics?.rows_read).toBe(300_000)
      })

      test('a format with a head has one head', async () => {
        const answer = await plain(
          address,
          query('SELECT number FROM numbers(200000) FORMAT CSVWithNames', { max_block_size: '1000' }),
        )
        const lines = answer.body.toString().trimEnd().split('\n')
        expect(lines).toHaveLength(200_001)
        expect(lines.filter((line) => line === '"number"')).toHaveLength(1)
      })

      test('JSONEachRow streams', async () => {
        const result = await client.query({
          query: 'SELECT number FROM numbers(500000)',
          format: 'JSONEachRow',
        })
        let count = 0
        for await (const batch of result.stream()) count += batch.length
        expect(count).toBe(500_000)
      })

      test.each([
        'TabSeparated',
        'Native',
        'RowBinary',
        'Parquet',
        'ArrowStream',
        'XML',
        'Values',
        'Vertical',
      ])('gives %s as the clause, the parameter and the header ask', async (format) => {
        const sql = "SELECT 1::UInt8 AS a, 'x' AS b"
        const byClause = await plain(address, query(`${sql} FORMAT ${format}`))
        const byParameter = await plain(address, query(sql, { default_format: format }))
        const byHeader = await plain(address, query(sql), { headers: { 'X-ClickHouse-Format': format } })
        expect(byClause.status).toBe(200)
        expect(byClause.headers['x-clickhouse-format']).toBe(format)
        expect(byClause.body.length).toBeGreaterThan(0)
        // An XML document tells its own duration.
        if (format !== 'XML') {
          expect(byParameter.body).toEqual(byClause.body)
          expect(byHeader.body).toEqual(byClause.body)
        }
      })

      test('a statement may end with a semicolon, a comment, SETTINGS before or behind FORMAT', async () => {
        const ends = [
          'SELECT 1;',
          'SELECT 1 -- FORMAT XML',
          'SELECT 1 /* ; */ FORMAT TSV',
          'SELECT 1 SETTINGS max_threads = 1 FORMAT TSV',
          'SELECT 1 FORMAT TSV SETTINGS max_threads = 1',
          '(SELECT 1) UNION ALL (SELECT 1)',
          'WITH 1 AS format SELECT format',
          'SELECT 1 AS format ORDER BY format DESC',
        ]
        for (const sql of ends) {
          const answer = await plain(address, query(sql), { method: 'POST' })
          expect([sql, answer.status, answer.body.toString()]).toEqual([
            sql,
            200,
            expect.stringMatching(/^1\n/),
          ])
        }
      })

      test('SHOW, DESCRIBE, EXISTS and EXPLAIN answer too', async () => {
        expect(await rows('SHOW TABLES')).toEqual([{ name: 'pairs' }])
        expect(await rows('EXISTS TABLE pairs')).toEqual([{ result: 1 }])
        expect(await rows('DESCRIBE TABLE pairs')).toHaveLength(2)
        expect((await rows('EXPLAIN SELECT 1')).length).toBeGreaterThan(0)
      })

      test('parameters of every kind keep their value', async () => {
        const [row] = await rows<Record<string, unknown>>(
          `SELECT {s:String} AS s, {i:Int64} AS i, {f:Float64} AS f, {b:Bool} AS b, {n:Nullable(String)} AS n,
             {a:Array(String)} AS a, {aa:Array(Array(UInt8))} AS aa, {m:Map(String, UInt8)} AS m, {t:Identifier} AS t,
             {d:DateTime64(3, 'UTC')} AS d, {u:UUID} AS u FROM (SELECT 7 AS col)`,
          {
            s: "it's \\ \t\n {x:String} ; -- \u{1F600}",
            i: '-9223372036854775808',
            f: 0.1,
            b: true,
            n: null,
            a: ["a'b", 'c\\d', ''],
            aa: [[1, 2], []],
            m: { k: 1 },
            t: 'col',
            d: new Date(1_700_000_000_123),
            u: '61f0c404-5cb3-11e7-907b-a6006ad3dba0',
          },
        )
        expect(row).toEqual({
          s: "it's \\ \t\n {x:String} ; -- \u{1F600}",
          i: expect.toSatisfy((value: unknown) => String(value).startsWith('-922337203685477')),
          f: 0.1,
          b: true,
          n: null,
          a: ["a'b", 'c\\d', ''],
          aa: [[1, 2], []],
          m: { k: 1 },
          t: 7,
          d: '2023-11-14 22:13:20.123',
          u: '61f0c404-5cb3-11e7-907b-a6006ad3dba0',
        })
      })

      test('parameters of queries at the same time never mix', async () => {
        const answers = await Promise.all(
          Array.from({ length: 60 }, (_, i) => rows<{ v: string }>('SELECT {v:String} AS v', { v: `v${i}` })),
        )
        expect(answers.map(([row]) => row?.v)).toEqual(Array.from({ length: 60 }, (_, i) => `v${i}`))
      })

      test('parameters may come in a form', async () => {
        const long = 'x'.repeat(200_000)
        const result = await client.query({
          query: 'SELECT length({s:String}) AS n',
          query_params: { s: long },
          format: 'JSONEachRow',
          use_multipart_params: true,
        })
        expect((await result.json<{ n: string }>()).map((row) => Number(row.n))).toEqual([200_000])
      })

      test('settings of the URL hold for that query only', async () => {
        const sql = "SELECT getSetting('max_block_size') AS size"
        const set = await client.query({
          query: sql,
          format: 'JSONEachRow',
          clickhouse_settings: { max_block_size: '777' },
        })
        expect((await set.json<{ size: string }>())[0]?.size).toEqual(
          expect.toSatisfy((v) => Number(v) === 777),
        )
        expect(Number((await rows<{ size: string }>(sql))[0]?.size)).not.toBe(777)
      })

      test('the headers tell query id, format, time zone and summary', async () => {
        const id = randomUUID()
        const answer = await plain(
          address,
          query('SELECT number FROM numbers(1000) FORMAT TSV', { query_id: id }),
        )
        expect(answer.headers['x-clickhouse-query-id']).toBe(id)
        expect(answer.headers['content-type']).toBe('text/tab-separated-values; charset=UTF-8')
        expect(answer.headers['x-clickhouse-timezone']).toBeTruthy()
        expect(answer.headers['x-clickhouse-server-display-name']).toBeTruthy()
        expect(JSON.parse(String(answer.headers['x-clickhouse-summary']))).toMatchObject({
          read_rows: '1000',
        })
        const made = await plain(address, query('SELECT 1'))
        expect(String(made.headers['x-clickhouse-query-id'])).toMatch(/^[0-9a-f-]{36}$/)
      })

      test('answers are compressed only when asked', async () => {
        const sql = query('SELECT number FROM numbers(100000) FORMAT TSV', { enable_http_compression: '1' })
        const zipped = await plain(address, sql, { headers: { 'Accept-Encoding': 'gzip' } })
        expect(zipped.headers['content-encoding']).toBe('gzip')
        expect(gunzipSync(zipped.body).toString().trimEnd().split('\n')).toHaveLength(100_000)
        const bare = await plain(address, query('SELECT 1'), { headers: { 'Accept-Encoding': 'gzip' } })
        expect(bare.headers['content-encoding']).toBeUndefined()
      })

      test('Native comes in the revision that the client reads, as Grafana’s data source asks', async () => {
        const params = {
          default_format: 'Native',
          client_protocol_version: '54460',
          enable_http_compression: '1',
        }
        const answer = await plain(address, query("SELECT 7::UInt8 AS a, 'x' AS b", params), {
          method: 'POST',
          headers: { 'Accept-Encoding': 'gzip' },
        })
        expect(gunzipSync(answer.body).toString('latin1')).toBe(
          '\x01\x00\x02\xff\xff\xff\xff\x00\x02\x01\x01a\x05UInt8\x00\x07\x01b\x06String\x00\x01x',
        )
      })

      test('wait_end_of_query gives the whole summary, and an error its status', async () => {
        const whole = await plain(
          address,
          query('SELECT number FROM numbers(500000) FORMAT TSV', { wait_end_of_query: '1' }),
        )
        expect(JSON.parse(String(whole.headers['x-clickhouse-summary']))).toMatchObject({
          read_rows: '500000',
        })
        expect(whole.body.toString().trimEnd().split('\n')).toHaveLength(500_000)
        const late = await plain(
          address,
          query('SELECT throwIf(number = 2999999), number FROM numbers(3000000) FORMAT TSV', {
            wait_end_of_query: '1',
          }),
        )
        expect(late.status).toBe(500)
        expect(late.headers['x-clickhouse-exception-code']).toBe('395')
      })
    })

    describe('errors', () => {
      test.each([
        ['SELECT * FROM no_such_table', 60, 404],
        ['SELECT no_such_column FROM pairs', 47, 404],
        ['SELECT no_such_function(1)', 46, 404],
        ['SELEC 1', 62, 400],
        ['SELECT 1; SELECT 2', 62, 400],
        ["SELECT toUInt8('x')", 6, 400],
        ["SELECT throwIf(1, 'boom')", 395, 500],
        ['SELECT {missing:UInt8}', 456, 500],
      ])('%s is code %i and status %i', async (sql, code, status) => {
        const answer = await plain(address, query(sql, { database }), { method: 'POST' })
        expect(answer.body.toString()).toMatch(
          new RegExp(`^Code: ${code}\\. DB::Exception: .*\\(version `, 's'),
        )
        expect(answer.status).toBe(status)
        expect(answer.headers['x-clickhouse-exception-code']).toBe(String(code))
      })

      test('unknown settings, databases and formats are told', async () => {
        expect((await plain(address, query('SELECT 1', { no_such_setting: '1' }))).status).toBe(404)
        expect((await plain(address, query('SELECT 1', { database: 'no_such_database' }))).status).toBe(404)
        expect((await plain(address, query('SELECT 1 FORMAT NoSuchFormat'))).status).toBe(404)
        expect((await plain(address, '/no-such-page')).status).toBe(404)
      })

      test('the client throws them with code and type', async () => {
        await expect(client.query({ query: 'SELECT * FROM no_such_table' })).rejects.toMatchObject({
          code: '60',
          type: 'UNKNOWN_TABLE',
        })
        await expect(
          client.insert({ table: 'pairs', values: ['{"id": "x"}'], format: 'JSONEachRow' }),
        ).rejects.toMatchObject({ code: expect.stringMatching(/^\d+$/) })
      })

      test('GET changes nothing', async () => {
        for (const sql of [
          'DROP TABLE pairs',
          'CREATE TABLE x (a UInt8) ENGINE = Memory',
          "INSERT INTO pairs VALUES (1, 'x')",
        ]) {
          const answer = await plain(address, query(sql, { database }))
          expect(answer.headers['x-clickhouse-exception-code']).toBe('164')
        }
      })

      test('an error in mid-stream is never a short result', async () => {
        const sql = 'SELECT number, throwIf(number = 4000000) FROM numbers(5000000)'
        const answer = await plain(address, query(`${sql} FORMAT TSV`))
        expect(answer.status).toBe(200)
        const tag = String(answer.headers['x-clickhouse-exception-tag'])
        expect(tag).toHaveLength(16)
        const tail = answer.body.subarray(-2000).toString()
        expect(tail).toContain(`\r\n__exception__\r\n${tag}\r\nCode: 395. DB::Exception: `)
        expect(tail).toMatch(new RegExp(`\\n\\d+ ${tag}\\r\\n__exception__\\r\\n$`))
        for (const format of ['JSONEachRow', 'JSON'] as const) {
          const result = await client.query({ query: sql, format })
          await expect(result.json()).rejects.toThrow()
        }
        const zipped = connect({ compression: { response: true } })
        const result = await zipped.query({ query: sql, format: 'JSONEachRow' })
        await expect(result.json()).rejects.toThrow()
        await zipped.close()
      })

      test('wrong credentials are refused', async () => {
        const answer = await plain(address, query('SELECT 1'), {
          headers: { 'X-ClickHouse-User': 'nobody', 'X-ClickHouse-Key': 'wrong' },
        })
        expect([401, 403]).toContain(answer.status)
        const basic = Buffer.from('nobody:wrong').toString('base64')
        const byBasic = await fetch(new URL(query('SELECT 1'), address.url), {
          headers: { Authorization: `Basic ${basic}` },
        })
        expect([401, 403]).toContain(byBasic.status)
        await byBasic.text()
      })
    })

    describe('writing', () => {
      const count = async (where: string) =>
        Number((await rows<{ n: string }>(`SELECT count() AS n FROM pairs WHERE ${where}`))[0]?.n)

      test('rows from objects, with a summary', async () => {
        const values = Array.from({ length: 500 }, (_, i) => ({ id: 1000 + i, text: ` ${i} ; ' \n` }))
        const done = await client.insert({ table: 'pairs', values, format: 'JSONEachRow' })
        expect(done.summary).toMatchObject({ written_rows: '500' })
        expect(await rows('SELECT text FROM pairs WHERE id = 1003')).toEqual([{ text: " 3 ; ' \n" }])
      })

      test('a stream of rows, compressed on the way', async () => {
        const zipping = connect({ compression: { request: true, response: true } })
        const stream = Readable.from(
          (function* () {
            for (let i = 0; i < 50_000; i++) yield { id: 10_000 + i, text: 'streamed' }
          })(),
        )
        await zipping.insert({ table: 'pairs', values: stream, format: 'JSONEachRow' })
        expect(await count('id >= 10000 AND id < 60000')).toBe(50_000)
        await zipping.close()
      })

      test('Native bytes by exec, kept to the last byte', async () => {
        const ids = Array.from({ length: 3000 }, (_, i) => 100_000 + i)
        // The last value ends in what a text parser would cut off.
        const bytes = nativeBlock(ids, (id) => (id === 102_999 ? 'end;\0\0  \n' : `t${id}`))
        await client.exec({
          query: 'INSERT INTO pairs (id, text) FORMAT Native',
          values: Readable.from([bytes.subarray(0, 100), bytes.subarray(100)], { objectMode: false }),
        })
        expect(await count('id >= 100000 AND id < 103000')).toBe(3000)
        expect(await rows('SELECT hex(text) AS h FROM pairs WHERE id = 102999')).toEqual([
          { h: Buffer.from('end;\0\0  \n').toString('hex').toUpperCase() },
        ])
      })

      test('RowBinary and gzip, statement and rows in one body', async () => {
        const row = Buffer.alloc(10)
        row.writeBigUInt64LE(200_000n)
        row.set([1, 0], 8)
        const body = Buffer.concat([Buffer.from('INSERT INTO pairs FORMAT RowBinary\n'), row])
        const answer = await plain(address, `/?database=${database}`, {
          method: 'POST',
          headers: { 'Content-Encoding': 'gzip' },
          body: gzipSync(body),
        })
        expect([answer.status, answer.body.toString()]).toEqual([200, ''])
        expect(await rows('SELECT hex(text) AS h FROM pairs WHERE id = 200000')).toEqual([{ h: '00' }])
      })

      test('VALUES, CSV, SETTINGS, SELECT and input()', async () => {
        const send = async (sql: string, body = '') => {
          const answer = await plain(address, query(sql, { database }), { method: 'POST', body })
          expect([sql, answer.status, answer.body.toString()]).toEqual([sql, 200, ''])
          return JSON.parse(String(answer.headers['x-clickhouse-summary'])).written_rows
        }
        expect(await send("INSERT INTO pairs VALUES (300000, 'a'), (300001, 'b')")).toBe('2')
        expect(await send('INSERT INTO pairs (text, id) FORMAT CSV', '"q""x",300002\n"y",300003\n')).toBe('2')
        expect(
          await send('INSERT INTO pairs SETTINGS max_insert_threads = 1 FORMAT TSV', '300004\tx\n'),
        ).toBe('1')
        expect(await send("INSERT INTO pairs SELECT number, 's' FROM numbers(300005, 5)")).toBe('5')
        expect(
          await send(
            "INSERT INTO pairs SELECT id + 1, upper(t) FROM input('id UInt64, t String') FORMAT TSV",
            '300009\tin\n',
          ),
        ).toBe('1')
        expect(await rows('SELECT text FROM pairs WHERE id = 300010')).toEqual([{ text: 'IN' }])
        expect(await count('id >= 300000 AND id <= 300010')).toBe(11)
      })

      test('an empty body writes nothing', async () => {
        const answer = await plain(address, query('INSERT INTO pairs FORMAT JSONEachRow', { database }), {
          method: 'POST',
        })
        expect(answer.status).toBe(200)
      })

      test('bad rows write nothing', async () => {
        const answer = await plain(address, query('INSERT INTO pairs FORMAT JSONEachRow', { database }), {
          method: 'POST',
          body: '{"id": 400000, "text": "a"}\n{"id": "b"}\n',
        })
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(await count('id = 400000')).toBe(0)
      })

      test('a body that breaks off writes nothing', async () => {
        for (const headers of [{}, { 'Content-Encoding': 'gzip' }]) {
          await new Promise<void>((resolve) => {
            const call = request(new URL(query('INSERT INTO pairs FORMAT TSV', { database }), address.url), {
              method: 'POST',
              headers: {
                ...headers,
                'Transfer-Encoding': 'chunked',
                'X-ClickHouse-User': address.user,
                'X-ClickHouse-Key': address.password,
              },
            })
            call.on('error', () => resolve())
            const text = Buffer.from('500000\tbroken\n'.repeat(1000))
            call.write('Content-Encoding' in headers ? gzipSync(text) : text, () =>
              setTimeout(() => call.destroy(), 50),
            )
          })
        }
        await new Promise((resolve) => setTimeout(resolve, 200))
        expect(await count('id = 500000')).toBe(0)
      })

      test('one insert is one part, and its token makes it happen once', async () => {
        await client.command({
          query:
            'CREATE TABLE once (id UInt64, text String) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100',
        })
        await client.command({ query: 'SYSTEM STOP MERGES once' })
        const blocks = Array.from({ length: 5 }, (_, b) =>
          nativeBlock(
            Array.from({ length: 20_000 }, (_, i) => b * 20_000 + i),
            () => 'x',
          ),
        )
        for (let attempt = 0; attempt < 2; attempt++) {
          await client.exec({
            query: 'INSERT INTO once FORMAT Native',
            values: Readable.from(blocks, { objectMode: false }),
            clickhouse_settings: { insert_deduplication_token: 'token-1' },
          })
        }
        const parts = await rows<{ parts: string; n: string }>(
          "SELECT count() AS parts, sum(rows) AS n FROM system.parts WHERE table = 'once' AND active AND database = {db:String}",
          { db: database },
        )
        expect(parts.map((row) => [Number(row.parts), Number(row.n)])).toEqual([[1, 100_000]])
      })
    })

    describe('sessions and cancelling', () => {
      test('a session keeps settings and temporary tables, others do not see them', async () => {
        const own = connect({ session_id: randomUUID(), max_open_connections: 1 })
        await own.command({ query: 'CREATE TEMPORARY TABLE mine (a UInt8)' })
        await own.command({ query: 'SET max_block_size = 555' })
        await own.insert({ table: 'mine', values: [{ a: 1 }, { a: 2 }], format: 'JSONEachRow' })
        const seen = await own.query({
          query: "SELECT count() AS n, getSetting('max_block_size') AS size FROM mine",
          format: 'JSONEachRow',
        })
        const [row] = await seen.json<{ n: string; size: string }>()
        expect([Number(row?.n), Number(row?.size)]).toEqual([2, 555])
        await expect(client.query({ query: 'SELECT * FROM mine' })).rejects.toMatchObject({ code: '60' })
        await own.close()
      })

      test('a session that must exist, and one that is busy', async () => {
        const gone = await plain(address, query('SELECT 1', { session_id: randomUUID(), session_check: '1' }))
        expect(gone.headers['x-clickhouse-exception-code']).toBe('372')
        const id = randomUUID()
        const slow = plain(address, query('SELECT sleep(1)', { session_id: id }))
        await new Promise((resolve) => setTimeout(resolve, 300))
        const busy = await plain(address, query('SELECT 1', { session_id: id }))
        expect(busy.headers['x-clickhouse-exception-code']).toBe('373')
        expect((await slow).status).toBe(200)
      })

      test('a query id runs once at a time', async () => {
        const id = randomUUID()
        const slow = plain(address, query('SELECT sleep(1)', { query_id: id }))
        await new Promise((resolve) => setTimeout(resolve, 300))
        expect(
          (await plain(address, query('SELECT 1', { query_id: id }))).headers['x-clickhouse-exception-code'],
        ).toBe('216')
        expect((await slow).status).toBe(200)
      })

      const busy = async (mark: string) =>
        Number(
          (
            await rows<{ n: string }>(
              "SELECT count() AS n FROM system.processes WHERE query LIKE {mark:String} AND query NOT LIKE '%system.processes%'",
              { mark: `%${mark}%` },
            )
          )[0]?.n,
        )
      const until = async (done: () => Promise<boolean>) => {
        for (let i = 0; i < 100; i++) {
          if (await done()) return true
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        return false
      }

      test('a query ends when its client leaves', async () => {
        const abort = new AbortController()
        const running = client
          .query({
            query: 'SELECT sum(cityHash64(number)) AS leaves_early FROM numbers(1000000000000)',
            abort_signal: abort.signal,
            format: 'JSONEachRow',
            clickhouse_settings: { cancel_http_readonly_queries_on_client_close: 1 },
          })
          .catch((error: unknown) => error)
        expect(await until(async () => (await busy('leaves_early')) === 1)).toBe(true)
        abort.abort()
        expect(await running).toBeInstanceOf(Error)
        expect(await until(async () => (await busy('leaves_early')) === 0)).toBe(true)
      })

      test('a stream that is left early ends its query', async () => {
        const result = await client.query({
          query: 'SELECT number AS left_stream FROM numbers(1000000000000)',
          format: 'JSONEachRow',
          clickhouse_settings: { cancel_http_readonly_queries_on_client_close: 1 },
        })
        result.close()
        expect(await until(async () => (await busy('left_stream')) === 0)).toBe(true)
      })

      test('KILL QUERY finds a query by its id', async () => {
        const id = randomUUID()
        const running = plain(address, query('SELECT count() FROM numbers(1000000000000)', { query_id: id }))
        await new Promise((resolve) => setTimeout(resolve, 300))
        await client.command({ query: `KILL QUERY WHERE query_id = '${id}' ASYNC` })
        expect((await running).headers['x-clickhouse-exception-code']).toBe('394')
      })

      test('max_execution_time ends a query', async () => {
        const answer = await plain(
          address,
          query('SELECT count() FROM numbers(1000000000000)', { max_execution_time: '1' }),
        )
        expect([answer.status, answer.headers['x-clickhouse-exception-code']]).toEqual([408, '159'])
      })

      test('short queries run while long ones do', async () => {
        const abort = new AbortController()
        const long = Array.from({ length: 4 }, () =>
          client
            .query({
              query: 'SELECT count() FROM numbers(1000000000000)',
              abort_signal: abort.signal,
              clickhouse_settings: { max_threads: 1, cancel_http_readonly_queries_on_client_close: 1 },
            })
            .catch(() => undefined),
        )
        await new Promise((resolve) => setTimeout(resolve, 300))
        const times: number[] = []
        for (let i = 0; i < 20; i++) {
          const start = performance.now()
          await rows('SELECT 1')
          times.push(performance.now() - start)
        }
        abort.abort()
        await Promise.all(long)
        times.sort((a, b) => a - b)
        expect(times[10]).toBeLessThan(250)
      })
    })
  })
}
