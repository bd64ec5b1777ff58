import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildCatalogue } from '../schemas/signals/catalogue.ts'
import { customSignalSchema } from '../schemas/signals/custom.ts'
import { SIGNAL_GROUPS } from '../schemas/signals/signal.ts'
import { allDashboards } from './all-dashboards.ts'
import { staleFiles, writeDashboards } from './generate.ts'
import type { Panel } from './grafana.ts'

const catalogue = buildCatalogue([
  customSignalSchema.parse({ id: 'cart', title: 'Items in a cart', metric: 'cart.size', type: 'gauge' }),
])
const boards = allDashboards(catalogue)

describe.each(boards.map((board) => [board.title, board] as const))('%s', (_, board) => {
  const everything = board.panels ?? []
  const panels = everything.filter((panel): panel is Panel => panel.type !== 'row')
  const queries = [
    ...panels.flatMap((panel) => (panel.targets ?? []).map((target) => String(target['rawSql']))),
    ...board.annotations.list.map((annotation) => annotation.target.rawSql),
    ...(board.templating?.list ?? [])
      .filter((each) => each.type === 'query')
      .map((each) => String(each.query)),
  ]

  it('has ids of its own for every panel', () => {
    const ids = everything.map((panel) => panel.id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.every((id) => typeof id === 'number' && id > 0)).toBe(true)
  })

  it('lays panels beside each other, never over each other, in 24 columns', () => {
    const cells = new Set<string>()
    for (const { gridPos } of everything) {
      if (gridPos === undefined) throw new Error('a panel has no place')
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`)).toBe(false)
          cells.add(`${x},${y}`)
        }
      }
    }
  })

  it('says of every panel what it shows, in which unit, from one query with a reference of its own', () => {
    for (const panel of panels) {
      expect(panel.title).toBeTruthy()
      expect(panel.description).toBeTruthy()
      expect(panel.fieldConfig?.defaults.unit).toBeTruthy()
      const references = (panel.targets ?? []).map((target) => target['refId'])
      expect(references.length).toBeGreaterThan(0)
      expect(new Set(references).size).toBe(references.length)
    }
    expect(new Set(panels.map((panel) => panel.title)).size).toBe(panels.length)
  })

  it('quotes every variable in SQL, and reads only variables that it has', () => {
    const known = new Set((board.templating?.list ?? []).map((variable) => variable.name))
    for (const sql of queries) {
      for (const [, name, format] of sql.matchAll(/\$\{(\w+)(?::(\w+))?\}/g)) {
        expect(known).toContain(name)
        expect(format).toBe('sqlstring')
      }
      for (const [, name] of sql.matchAll(/\$__conditionalAll\([^$]*\$\{version:sqlstring\}\), \$(\w+)\)/g))
        expect(known).toContain(name)
      // A `$` that is neither a macro nor a variable would be left in the SQL.
      expect(sql.replaceAll(/\$\{\w+:sqlstring\}|\$__\w+|, \$version\)/g, '')).not.toContain('$')
    }
  })

  it('chains its variables: each reads only those before it', () => {
    const seen = new Set<string>()
    for (const variable of board.templating?.list ?? []) {
      for (const [, name] of String(variable.query).matchAll(/\$\{(\w+):/g)) expect(seen).toContain(name)
      seen.add(variable.name)
    }
  })

  it('adds cells up wherever it reads values: parts of the rollups may not be merged yet', () => {
    for (const sql of queries.filter((text) => /signal_1[mh]/.test(text)))
      expect(sql).toMatch(/sum(If)?\(events|sumMap\(buckets\)|uniqExact\(instance\)/)
    for (const sql of queries)
      for (const [, after] of sql.matchAll(/FROM (?:deployments|reports|verdicts)\b(.{0,6})/g))
        expect(after).toBe(' FINAL')
  })

  it('is plain JSON that Grafana can read', () => {
    expect(JSON.parse(JSON.stringify(board))).toEqual(board)
    expect(board.uid).toMatch(/^[a-z-]{1,40}$/)
    expect(board).toMatchObject({ schemaVersion: 42, timezone: 'browser', tags: ['postflight'] })
    expect(board.refresh).toMatch(/^\d+[smh]$/)
  })
})

describe('the dashboards together', () => {
  it('have uids of their own', () => {
    expect(new Set(boards.map((board) => board.uid)).size).toBe(7)
  })

  it('show every signal of the catalogue, of every group', () => {
    const text = JSON.stringify(boards)
    const shown = catalogue.signals.filter((signal) => text.includes(`Signal \`${signal.id}\``))
    expect(catalogue.signals.filter((signal) => !shown.includes(signal)).map((signal) => signal.id)).toEqual(
      [],
    )
    expect(new Set(shown.map((signal) => signal.group))).toEqual(new Set(SIGNAL_GROUPS))
  })
})

describe('the generated files', () => {
  it('are those of the built-in catalogue', async () => {
    expect(await staleFiles(buildCatalogue())).toEqual([])
  })

  it('are found stale when edited, missing or left over, and made right again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'postflight-dashboards-'))
    try {
      expect(await staleFiles(catalogue, folder)).toHaveLength(7)
      expect(await writeDashboards(catalogue, folder)).toBe(7)
      expect(await staleFiles(catalogue, folder)).toEqual([])
      const file = join(folder, 'postflight-trends.json')
      await writeFile(file, (await readFile(file, 'utf8')).replace('now-90d', 'now-1d'))
      await writeFile(join(folder, 'old.json'), '{}')
      expect(await staleFiles(catalogue, folder)).toEqual(['old.json', 'postflight-trends.json'])
      await writeDashboards(catalogue, folder)
      expect(await staleFiles(catalogue, folder)).toEqual([])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
