import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'

/** A variable that holds a secret; Postflight's own prefix is for settings. */
const variable = z
  .union([
    z.literal(''),
    z
      .string()
      .regex(/^(?!POSTFLIGHT_)[A-Za-z_]\w*$/, 'expected a variable that does not begin with POSTFLIGHT_'),
  ])
  .default('')

type SecretShape<N extends string> = Record<N | `${N}File`, z.ZodDefault<z.ZodString>> &
  Record<`${N}Variable`, typeof variable>

/** Settings of a secret: itself, or a file that holds it (`...File`), or an environment variable (`...Variable`). */
export function secretShape<N extends string>(name: N): SecretShape<N> {
  const text = z.string().default('')
  return { [name]: text, [`${name}File`]: text, [`${name}Variable`]: variable } as SecretShape<N>
}

/**
 * Puts the secrets that environment variables hold in their places.
 * @param path of the list, for messages
 * @returns what is wrong, in words
 */
export function fillSecrets(
  list: readonly object[],
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const problems: string[] = []
  for (const [at, target] of list.entries()) {
    const entry = target as Record<string, unknown>
    for (const [key, name] of Object.entries(entry)) {
      if (!key.endsWith('Variable') || typeof name !== 'string' || name === '') continue
      const value = env[name]
      if (value === undefined || value === '')
        problems.push(`${path}.${at}.${key}: the variable ${name} is not set`)
      else entry[key.slice(0, -'Variable'.length)] = value
    }
  }
  return problems
}

/**
 * A secret as it stands in the settings, or else in a file: read anew each time, so that it can be changed while Postflight runs.
 * @throws Error if the file cannot be read
 */
export async function readSecret(value: string, file: string): Promise<string> {
  if (file === '') return value
  try {
    // The whole path, so that the message says where it was looked for.
    return (await readFile(resolve(file), 'utf8')).trim()
  } catch (error) {
    throw new Error(`The secret's file cannot be read: ${(error as Error).message}`)
  }
}

/** Which files of secrets cannot be read now, in words. @param path of the list, for messages */
export async function unreadableSecrets(list: readonly object[], path: string): Promise<readonly string[]> {
  const files = list.flatMap((entry, at) =>
    Object.entries(entry).flatMap(([key, file]: [string, unknown]) =>
      key.endsWith('File') && typeof file === 'string' && file !== ''
        ? [{ file, setting: `${path}.${at}.${key}` }]
        : [],
    ),
  )
  const problems = await Promise.all(
    files.map(({ file, setting }) =>
      readSecret('', file).then(
        () => [],
        (error: Error) => [`${setting}: ${error.message}`],
      ),
    ),
  )
  return problems.flat()
}
