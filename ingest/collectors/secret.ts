import { readFile } from 'node:fs/promises'
import { CollectError } from './collector.ts'

/**
 * A secret as it stands in the settings, or else in a file: read anew each time, so that it can be changed while Postflight runs.
 * @throws CollectError if the file cannot be read
 */
export async function readSecret(value: string, file: string): Promise<string> {
  if (file === '') return value
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw new CollectError(`The secret's file cannot be read: ${(error as Error).message}`)
  }
}
