import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseCsv, readSeries } from './series.ts'

test('rows are kept as they stand: order, repeats, missing values, several columns', () => {
  const { times, columns } = parseCsv(
    'timestamp,v1,v2\n2026-01-01T00:01:00Z,1,\n2026-01-01T00:00:00Z,2,3\n2026-01-01T00:00:00Z,-1e3,4\n',
    'x.csv',
  )
  expect([...times].map((time) => time - Date.UTC(2026, 0, 1) / 1000)).toEqual([60, 0, 0])
  expect(columns.map((column) => [...column])).toEqual([
    [1, 2, -1000],
    [Number.NaN, 3, 4],
  ])
  expect([...parseCsv('timestamp,value\n0,5\n1,6\n', 'x.csv').times]).toEqual([0, 1])
})

test('what is no row is named', () => {
  expect(() => parseCsv('timestamp,value\n0,5\n1,many\n', 'x.csv')).toThrow('x.csv: line 3')
  expect(() => parseCsv('timestamp,value\nyesterday,5\n', 'x.csv')).toThrow('x.csv: line 2')
})

test('a folder is read by its manifest, labels by file name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'series-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'a.csv'), 'timestamp,value\n0,1\n')
  await writeFile(join(folder, 'labels.json'), '{"a.csv": {"windows": []}}')
  await writeFile(join(folder, 'manifest.json'), '[{"path": "a.csv", "source": "s", "step_seconds": null}]')
  expect(await readSeries(folder)).toMatchObject([
    { path: 'a.csv', step: undefined, labels: { windows: [] } },
  ])
  await writeFile(join(folder, 'manifest.json'), '[{"path": "a.csv"}]')
  await expect(readSeries(folder)).rejects.toThrow('source')
})
