import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const FETCHED_WITHIN = 600_000

/**
 * Makes a folder beside others' temporary files, named after what it is made from, and finds it there the next time.
 * @param source folder of `files`, whose content decides whether it is made anew
 * @param tools what the machine must have, for the message
 * @returns the folder
 * @throws Error naming `tools` and the line that failed
 */
export async function madeOnce(
  source: string,
  files: readonly string[],
  tools: string,
  make: (to: string) => Promise<unknown>,
): Promise<string> {
  const hash = createHash('sha256').update(source)
  for (const file of files) hash.update(await readFile(join(source, file)))
  const folder = join(tmpdir(), `postflight-peer-${hash.digest('hex').slice(0, 16)}`)
  const done = join(folder, 'done')
  if (existsSync(done)) return folder
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'making'), { recursive: true })
  await make(folder).catch((error: unknown) => {
    throw new Error(
      `What ${source} is for could not be made. It needs ${tools}. ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  })
  await rename(join(folder, 'making'), done)
  return folder
}

/** A virtual environment of Python with the packages of the folder's requirements.txt. @returns its python */
export async function pythonWith(folder: string): Promise<string> {
  const made = await madeOnce(folder, ['requirements.txt'], 'python3, its venv and pip', async (to) => {
    await step('python3', ['-m', 'venv', to])
    await step(join(to, 'bin', 'python3'), [
      ...['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--no-input'],
      ...['-r', join(folder, 'requirements.txt')],
    ])
  })
  return join(made, 'bin', 'python3')
}

export async function step(program: string, args: readonly string[]): Promise<void> {
  await run(program, args, { timeout: FETCHED_WITHIN, maxBuffer: 2 ** 24 }).catch((error: unknown) => {
    throw new Error(`Run:\n  ${program} ${args.join(' ')}`, { cause: error })
  })
}
