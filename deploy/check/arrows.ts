import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser'

const RULES = join(import.meta.dirname, '..', '..', '.dependency-cruiser.json')
const ROOMS = ['schemas', 'ingest', 'analytics', 'dashboards', 'api', 'deploy', 'test']

export interface Arrows {
  readonly modules: number
  /** `rule: from -> to`, sorted. */
  readonly violations: readonly string[]
}

/**
 * Holds the imports of the rooms below `root` against the rules of `.dependency-cruiser.json`.
 * @throws Error when nothing was read: a check that sees no module would always pass
 */
export async function checkArrows(root: string): Promise<Arrows> {
  const { forbidden, options } = JSON.parse(readFileSync(RULES, 'utf8'))
  const { enhancedResolveOptions, ...rest } = options
  const roots = ROOMS.filter((room) => existsSync(join(root, room)) && holdsFiles(join(root, room)))
  if (existsSync(join(root, 'postflight.ts'))) roots.push('postflight.ts')
  const settings: ICruiseOptions = { ...rest, baseDir: root, ruleSet: { forbidden }, validate: true }
  const { output } = await cruise(roots, settings, enhancedResolveOptions)
  const { summary } = output as ICruiseResult
  if (summary.totalCruised === 0) throw new Error(`No module was read below ${root}: the parser is missing`)
  return {
    modules: summary.totalCruised,
    violations: summary.violations
      .filter(({ rule }) => rule.severity === 'error')
      .map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)
      .sort(),
  }
}

function holdsFiles(folder: string): boolean {
  return readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith('.ts'))
}

if (import.meta.main) {
  const { modules, violations } = await checkArrows(join(import.meta.dirname, '..', '..'))
  for (const violation of violations) console.error(violation)
  console.log(`${modules} modules, ${violations.length} forbidden imports`)
  if (violations.length > 0) process.exitCode = 1
}
