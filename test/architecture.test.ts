import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkArrows } from '../deploy/check/arrows.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'postflight-arrows-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function plant(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

const THING = 'export interface Thing { a: number }\nexport const thing = 1\n'

describe('the arrows between the rooms', () => {
  test.each([
    ['schemas-import-no-room', 'schemas/a.ts', 'ingest/b.ts'],
    ['ingest-sees-schemas-only', 'ingest/a.ts', 'analytics/b.ts'],
    ['analytics-sees-schemas-only', 'analytics/jobs/a.ts', 'ingest/b.ts'],
    ['analytics-sees-schemas-only', 'analytics/jobs/a.ts', 'api/b.ts'],
    ['dashboards-see-schemas-only', 'dashboards/a.ts', 'analytics/b.ts'],
    ['api-sees-analytics-and-schemas', 'api/a.ts', 'ingest/b.ts'],
    ['api-sees-analytics-and-schemas', 'api/a.ts', 'deploy/b.ts'],
    ['code-never-imports-tests', 'deploy/a.ts', 'test/b.ts'],
    ['stats-are-pure', 'analytics/stats/a.ts', 'analytics/jobs/b.ts'],
  ])('%s: %s may not import %s, not even a type', async (rule, from, to) => {
    const path = `${from
      .split('/')
      .slice(1)
      .map(() => '..')
      .join('/')}/${to}`
    plant({
      [from]: `import type { Thing } from '${path}'\nexport const a = (x: Thing) => x.a\n`,
      [to]: THING,
    })
    const { violations } = await checkArrows(root)
    expect(violations).toContain(`${rule}: ${from} -> ${to}`)
  })

  test('a circle is refused', async () => {
    plant({
      'api/a.ts': "import { b } from './b.ts'\nexport const a = () => b\n",
      'api/b.ts': "import { a } from './a.ts'\nexport const b = () => a\n",
    })
    const { violations } = await checkArrows(root)
    expect(violations.some((violation) => violation.startsWith('no-circular: api/'))).toBe(true)
  })

  test('a file that nothing uses is refused', async () => {
    plant({ 'api/lonely.ts': 'export const lonely = 1\n' })
    const { violations } = await checkArrows(root)
    expect(violations).toContain('no-orphans: api/lonely.ts -> api/lonely.ts')
  })

  test('what the design allows passes', async () => {
    plant({
      'schemas/a.ts': THING,
      'analytics/b.ts': "import { thing } from '../schemas/a.ts'\nexport const b = thing\n",
      'api/c.ts': "import { b } from '../analytics/b.ts'\nexport const c = b\n",
      'deploy/d.ts': "import { c } from '../api/c.ts'\nexport const d = c\n",
    })
    const { modules, violations } = await checkArrows(root)
    expect(violations).toEqual([])
    expect(modules).toBe(4)
  })

  test('a check that read nothing is an error, not a pass', async () => {
    mkdirSync(join(root, 'schemas'))
    await expect(checkArrows(root)).rejects.toThrow()
  })
})
