import { expect, test } from 'vitest'
import { scanStatement } from './sql-scan.ts'

test.each([
  ['', { kind: 'empty' }],
  [' -- only a comment\n ;', { kind: 'empty' }],
  ['SELECT 1; SELECT 2', { kind: 'several' }],
  ["SELECT ';' /* ; */ -- ;", { kind: 'select', body: "SELECT ';'", format: undefined, tail: '' }],
  ['SELECT 1 FORMAT JSON', { kind: 'select', body: 'SELECT 1 ', format: 'JSON', tail: '' }],
  [
    'select 1 format JSON settings a = 1;',
    { kind: 'select', body: 'select 1 ', format: 'JSON', tail: ' settings a = 1' },
  ],
  ['SELECT format FROM t', { kind: 'select', body: 'SELECT format FROM t', format: undefined, tail: '' }],
  ['SELECT x AS format', { kind: 'select', body: 'SELECT x AS format', format: undefined, tail: '' }],
  [
    'SELECT 1 ORDER BY a, format DESC',
    { kind: 'select', body: 'SELECT 1 ORDER BY a, format DESC', format: undefined, tail: '' },
  ],
  ['SELECT * FORMAT TSV', { kind: 'select', body: 'SELECT * ', format: 'TSV', tail: '' }],
  [
    'SELECT $$ it; FORMAT x $$',
    { kind: 'select', body: 'SELECT $$ it; FORMAT x $$', format: undefined, tail: '' },
  ],
  [
    "SELECT 'it''s; \\' FORMAT'",
    { kind: 'select', body: "SELECT 'it''s; \\' FORMAT'", format: undefined, tail: '' },
  ],
  ["SELECT 1 INTO OUTFILE 'x'", { kind: 'file' }],
  ["INSERT INTO t FROM INFILE 'x' FORMAT CSV", { kind: 'file' }],
  ['SHOW TABLES FORMAT JSON', { kind: 'other', word: 'SHOW', format: 'JSON' }],
  ['CREATE TABLE t (a UInt8)', { kind: 'other', word: 'CREATE', format: undefined }],
  ['INSERT INTO t SELECT 1', { kind: 'insert-select' }],
  ['WITH 1 AS a INSERT INTO t SELECT a', { kind: 'insert-select' }],
])('%s', (sql, expected) => {
  expect(scanStatement(sql)).toEqual(expected)
})

test.each([
  ['INSERT INTO t FORMAT TSV\n1\t2\n', 'INSERT INTO t ', '', 'TSV', '1\t2\n'],
  ['INSERT INTO t (a, `b)`) FORMAT RowBinary \r\n\n\0', 'INSERT INTO t (a, `b)`) ', '', 'RowBinary', '\n\0'],
  ["insert into db.format VALUES (1, ';')", 'insert into db.format ', '', 'Values', " (1, ';')"],
  [
    'INSERT INTO TABLE values SETTINGS x = 1 FORMAT CSV 1;2',
    'INSERT INTO TABLE values ',
    'SETTINGS x = 1 ',
    'CSV',
    '1;2',
  ],
  [
    "INSERT INTO FUNCTION remote('h', d.t) FORMAT Native\n",
    "INSERT INTO FUNCTION remote('h', d.t) ",
    '',
    'Native',
    '',
  ],
])('rows of %j', (sql, head, settings, format, data) => {
  const statement = scanStatement(sql)
  expect(statement).toEqual({
    kind: 'insert-data',
    head,
    settings,
    format,
    dataStart: sql.length - data.length,
  })
})

test('input() is told apart from the rest of an INSERT SELECT', () => {
  const sql = "INSERT INTO t SELECT f(x) FROM input('x UInt8, y Array(String)') WHERE x FORMAT TSV\n1\t[]\n"
  expect(scanStatement(sql)).toEqual({
    kind: 'insert-input',
    before: 'INSERT INTO t SELECT f(x) FROM ',
    structure: "'x UInt8, y Array(String)'",
    after: ' WHERE x ',
    format: 'TSV',
    dataStart: sql.length - 5,
  })
})

test('KILL QUERY goes by the client’s ids and never waits', () => {
  expect(scanStatement("KILL QUERY WHERE query_id = 'query_id' SYNC;")).toEqual({
    kind: 'kill',
    text: "KILL QUERY WHERE extract(Settings['log_comment'], 'query_id=(.*)$') = 'query_id' ASYNC",
  })
})
