import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A program to run, with its arguments. */
export type Command = readonly [program: string, ...args: string[]]

const run = promisify(execFile)
const FETCHED_WITHIN = 600_000

/**
 * The same sender in each language, made with that language's own tools and pinned versions, once for as long as its
 * files are the same.
 * @throws Error with the line that makes it by hand, if a tool is missing
 */
export const sdkSenders = {
  python: async (): Promise<Command> => {
    const folder = join(import.meta.dirname, 'python')
    const made = await once(folder, ['requirements.txt'], 'python3, its venv and pip', async (to) => {
      await step('python3', ['-m', 'venv', to])
      const quiet = ['-q', '--disable-pip-version-check', '--no-input']
      await step(join(to, 'bin', 'python3'), [
        ...['-m', 'pip', 'install', ...quiet],
        ...['-r', join(folder, 'requirements.txt')],
      ])
    })
    return [join(made, 'bin', 'python3'), join(folder, 'sender.py')]
  },
  go: async (): Promise<Command> => {
    const folder = join(import.meta.dirname, 'go')
    const made = await once(folder, ['main.go', 'go.mod', 'go.sum'], 'Go (https://go.dev/dl)', (to) =>
      step('go', ['build', '-C', folder, '-mod=readonly', '-buildvcs=false', '-o', join(to, 'sender'), '.']),
    )
    return [join(made, 'sender')]
  },
  java: async (): Promise<Command> => {
    const folder = join(import.meta.dirname, 'java')
    const tools = 'Java 17 and Maven (apt-get install openjdk-17-jdk-headless maven)'
    const made = await once(folder, ['pom.xml', 'Sender.java'], tools, async (to) => {
      const classPath = join(to, 'class-path')
      await step('mvn', [
        ...['-q', '-B', '-f', join(folder, 'pom.xml')],
        ...['dependency:build-classpath', `-Dmdep.outputFile=${classPath}`],
      ])
      const jars = (await readFile(classPath, 'utf8')).trim()
      await step('javac', ['-encoding', 'UTF-8', '-cp', jars, '-d', to, join(folder, 'Sender.java')])
    })
    const jars = (await readFile(join(made, 'class-path'), 'utf8')).trim()
    return ['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${made}:${jars}`, 'Sender']
  },
} as const

/** Makes a folder beside others' temporary files, named after what it is made from. */
async function once(
  source: string,
  files: readonly string[],
  tools: string,
  make: (to: string) => Promise<unknown>,
): Promise<string> {
  const hash = createHash('sha256').update(source)
  for (const file of files) hash.update(await readFile(join(source, file)))
  const folder = join(tmpdir(), `postflight-sender-${hash.digest('hex').slice(0, 16)}`)
  const done = join(folder, 'done')
  if (existsSync(done)) return folder
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'making'), { recursive: true })
  await make(folder).catch((error: unknown) => {
    throw new Error(
      `The sender in ${source} could not be made. It needs ${tools}. ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  })
  await rename(join(folder, 'making'), done)
  return folder
}

async function step(program: string, args: readonly string[]): Promise<void> {
  await run(program, args, { timeout: FETCHED_WITHIN, maxBuffer: 2 ** 24 }).catch((error: unknown) => {
    throw new Error(`Run:\n  ${program} ${args.join(' ')}`, { cause: error })
  })
}
