import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Catalogue } from '../schemas/signals/catalogue.ts'
import { buildCatalogue } from '../schemas/signals/catalogue.ts'
import { allDashboards } from './all-dashboards.ts'

const FOLDER = join(import.meta.dirname, 'generated')

/** File name to JSON text. */
export function generate(catalogue: Catalogue): ReadonlyMap<string, string> {
  return new Map(
    allDashboards(catalogue).map((board) => [`${board.uid}.json`, `${JSON.stringify(board, null, 2)}\n`]),
  )
}

/** Names of files in the folder that are not what would be generated now: changed, missing or left over. */
export async function staleFiles(catalogue: Catalogue, folder: string = FOLDER): Promise<readonly string[]> {
  const wanted = generate(catalogue)
  const present = await readdir(folder).catch(() => [])
  const stale = present.filter((name) => !wanted.has(name))
  for (const [name, text] of wanted) {
    const found = await readFile(join(folder, name), 'utf8').catch(() => undefined)
    if (found !== text) stale.push(name)
  }
  return stale.sort()
}

/** Writes the files, and removes what is left over. */
export async function writeDashboards(catalogue: Catalogue, folder: string = FOLDER): Promise<number> {
  const wanted = generate(catalogue)
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder)) if (!wanted.has(name)) await rm(join(folder, name))
  for (const [name, text] of wanted) await writeFile(join(folder, name), text)
  return wanted.size
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
  const catalogue = buildCatalogue()
  if (values.check) {
    const stale = await staleFiles(catalogue)
    if (stale.length > 0) {
      console.error(`Stale dashboards: ${stale.join(', ')}. Run: npm run dashboards`)
      process.exitCode = 1
    }
  } else {
    console.log(`${await writeDashboards(catalogue)} dashboards written to dashboards/generated`)
  }
}
