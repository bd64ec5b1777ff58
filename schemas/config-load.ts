import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isScalar, parse, parseDocument } from 'yaml'
import type { z } from 'zod'
import { type Config, configSchema, SECRET_LISTS } from './config.ts'
import { keysAt, type Setting, settings } from './config-settings.ts'
import { PostflightError } from './errors.ts'
import { expectation } from './expectation.ts'
import { nearestName } from './nearest-name.ts'
import { fillSecrets } from './secret.ts'

/** Where a value came from, rising in precedence, and the exact place: a file's name, a variable, a flag. */
export interface Origin {
  readonly from: 'default' | 'file' | 'environment' | 'flag'
  readonly where: string
}

export interface LoadedConfig {
  readonly config: Config
  /** By setting, such as `api.port`; every setting is there. */
  readonly origins: ReadonlyMap<string, Origin>
}

export interface ConfigSources {
  /** Must exist if given; left out, `postflight.yaml` in `cwd` is read if it is there. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** By setting, without the dashes: `{ 'api.port': '9000' }`. */
  readonly flags?: Readonly<Record<string, string>>
  readonly cwd: string
}

export const CONFIG_FILE = 'postflight.yaml'

/** Variables that are read elsewhere: the file's path, and what the command line's reading commands connect to. */
const OTHER_VARIABLES = new Set(['POSTFLIGHT_CONFIG', 'POSTFLIGHT_ADDRESS', 'POSTFLIGHT_KEY'])
/** Kubernetes sets these in every container beside a Service that is called postflight-something. */
const KUBERNETES = /^POSTFLIGHT(_[A-Z0-9]+)*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$/

const origin = (from: Origin['from'], where: string): Origin => ({ from, where })

/**
 * Reads every setting once: default, file, environment, flags, the later one winning.
 * A list or map given as a variable or flag is YAML (or JSON), a list also words with commas between. An empty variable, like an empty key of the file, is as good as none.
 * @throws PostflightError CONFIG_INVALID that names each bad setting, where it stands, what was expected and what was got
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const known = settings()
  const origins = new Map<string, Origin>(known.map(({ path }) => [path, origin('default', '')]))
  const problems: string[] = []
  const tree: Record<string, unknown> = {}

  const file = readFile(sources)
  if (file !== undefined) {
    merge(tree, file.content)
    for (const { path } of known)
      if (valueAt(tree, path) !== undefined) origins.set(path, origin('file', file.name))
  }
  const byVariable = new Map(known.map((setting) => [setting.variable, setting]))
  for (const [variable, text] of Object.entries(sources.env).sort()) {
    if (!variable.startsWith('POSTFLIGHT_') || text === undefined || text === '') continue
    const setting = byVariable.get(variable)
    if (setting !== undefined) place(tree, setting, text, origin('environment', variable), origins, problems)
    else if (!OTHER_VARIABLES.has(variable) && !KUBERNETES.test(variable))
      problems.push(
        `environment variable ${variable}: no such setting${suggest(variable, byVariable.keys())}`,
      )
  }
  const byPath = new Map(known.map((setting) => [setting.path, setting]))
  for (const [path, text] of Object.entries(sources.flags ?? {})) {
    const setting = byPath.get(path)
    if (setting === undefined) problems.push(`--${path}: no such setting${suggest(path, byPath.keys())}`)
    else place(tree, setting, text, origin('flag', `--${path}`), origins, problems)
  }

  const parsed = configSchema.safeParse(tree)
  if (!parsed.success)
    problems.push(...parsed.error.issues.flatMap((issue) => inWords(issue, tree, known, origins, file?.name)))
  else {
    for (const path of SECRET_LISTS)
      problems.push(...fillSecrets(valueAt(parsed.data, path) as object[], path, sources.env))
    const { github, gitlab } = parsed.data.notices
    problems.push(...fillSecrets([github, gitlab], 'notices', sources.env))
    if (file !== undefined) {
      const named = known.filter(({ path }) => origins.get(path)?.from === 'file').map(({ path }) => path)
      anchorFiles(parsed.data, named, dirname(resolve(sources.cwd, file.name)))
    }
  }
  if (!parsed.success || problems.length > 0) throw invalid(problems)
  return { config: parsed.data, origins }
}

function readFile(sources: ConfigSources): { name: string; content: Record<string, unknown> } | undefined {
  const asked = sources.file ?? (sources.env['POSTFLIGHT_CONFIG'] || undefined)
  const name = asked ?? CONFIG_FILE
  let text: string
  try {
    text = readFileSync(resolve(sources.cwd, name), 'utf8')
  } catch (error) {
    if (asked === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw invalid([`${name}: cannot be read (${(error as Error).message})`])
  }
  const document = parseDocument(text)
  const [error] = document.errors
  if (error !== undefined) throw invalid([`${name}: is not YAML (${error.message.split('\n')[0]})`])
  const content: unknown = document.toJS() ?? {}
  if (!isTree(content)) throw invalid([`${name}: expected settings (name: value), got ${shown(content)}`])
  return { name, content }
}

/** Settings that name files: secrets (`...File`), certificates and keys. */
const NAMES_FILE =
  /^((alerts|collectors)\.\w+\.\d+\.(\w+File|ca)|notices\.\w+\.\w+File|(otlp|kafka)\.tls\.(ca|clientCa|cert|key))$/

/**
 * Files that a configuration file names are beside it, wherever Postflight was started.
 * @param named settings that stand in it
 */
function anchorFiles(config: object, named: readonly string[], folder: string): void {
  const anchor = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return
    const entries = node as Record<string, unknown>
    for (const [key, value] of Object.entries(entries)) {
      const full = path === '' ? key : `${path}.${key}`
      if (typeof value !== 'string') anchor(value, full)
      else if (value !== '' && NAMES_FILE.test(full) && named.some((one) => `${full}.`.startsWith(`${one}.`)))
        entries[key] = resolve(folder, value)
    }
  }
  anchor(config, '')
}

function place(
  tree: Record<string, unknown>,
  setting: Setting,
  text: string,
  from: Origin,
  origins: Map<string, Origin>,
  problems: string[],
): void {
  origins.set(setting.path, from)
  const steps = setting.path.split('.')
  const last = steps.pop() as string
  let node = tree
  for (const step of steps) {
    const present = node[step]
    const next = isTree(present) ? present : {}
    node[step] = next
    node = next
  }
  if (!setting.structured) {
    node[last] = text
    return
  }
  const document = parseDocument(text)
  if (document.errors.length > 0)
    problems.push(`${setting.path} (from ${standing(from)}): expected YAML or JSON, got ${shown(text)}`)
  else node[last] = setting.list && isScalar(document.contents) ? words(text) : document.toJS()
}

/** The parts between commas, each as YAML reads it. */
function words(text: string): unknown[] {
  return text.split(',').map((word) => parse(word))
}

/** Where a value stands, for people. */
function standing(from: Origin): string {
  return from.from === 'environment' ? `environment variable ${from.where}` : from.where
}

function inWords(
  issue: z.core.$ZodIssue,
  tree: unknown,
  known: readonly Setting[],
  origins: ReadonlyMap<string, Origin>,
  file: string | undefined,
): string[] {
  const path = issue.path.join('.')
  const setting = known
    .filter((candidate) => path === candidate.path || path.startsWith(`${candidate.path}.`))
    .sort((a, b) => b.path.length - a.path.length)[0]
  const from = setting === undefined ? undefined : origins.get(setting.path)
  const where = from === undefined || from.from === 'default' ? (file ?? 'default') : standing(from)
  if (issue.code === 'unrecognized_keys') {
    const within = (key: string) => (path === '' ? key : `${path}.${key}`)
    const names = [...keysAt(issue.path).map(within), ...known.map((candidate) => candidate.path)]
    return issue.keys.map(
      (key) => `${within(key)} (from ${where}): no such setting${suggest(within(key), names)}`,
    )
  }
  const got = setting?.secret === true ? 'a hidden value' : shown(valueAt(tree, path))
  return [`${path || 'settings'} (from ${where}): ${expected(issue)}, got ${got}`]
}

function expected({ message, ...issue }: z.core.$ZodIssue): string {
  const messages =
    issue.code === 'invalid_union'
      ? issue.errors.flatMap((branch) => branch.map((inner) => expectation(inner.message)))
      : []
  const told = [...new Set(messages)].join(' or ') || expectation(message)
  // Our own rules have whole sentences; Zod's are what was expected.
  return told === message ? told : `expected ${told}`
}

function merge(into: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    if (value === null) continue
    if (isTree(value)) {
      const branch: Record<string, unknown> = {}
      merge(branch, value)
      into[key] = branch
    } else into[key] = value
  }
}

function valueAt(tree: unknown, path: string): unknown {
  return path === ''
    ? tree
    : path
        .split('.')
        .reduce<unknown>((node, step) => (node as Record<string, unknown> | undefined)?.[step], tree)
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function suggest(name: string, names: Iterable<string>): string {
  const near = nearestName(name, names)
  return near === undefined ? '' : `; did you mean ${near}?`
}

function invalid(problems: readonly string[]): PostflightError {
  return new PostflightError('CONFIG_INVALID', `The settings are not valid:\n  ${problems.join('\n  ')}`, {
    hint: '`postflight config` lists every setting with its value and where it comes from.',
    details: { problems },
  })
}
