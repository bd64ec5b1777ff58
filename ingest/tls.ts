import { readFileSync } from 'node:fs'
import type { Config } from '../schemas/config.ts'
import { PostflightError } from '../schemas/errors.ts'

/** The certificate that a door shows, and the authority that its clients' certificates must be of. PEM. */
export interface DoorTls {
  readonly cert: Buffer
  readonly key: Buffer
  /** With it, only clients that have a certificate of this authority may connect. */
  readonly clientCa: Buffer | undefined
}

/**
 * Reads the files that the settings name; undefined if there is to be no TLS.
 * @throws PostflightError CONFIG_INVALID if one cannot be read
 */
export function readTls({ cert, key, clientCa }: Config['otlp']['tls']): DoorTls | undefined {
  if (cert === '') return undefined
  return {
    cert: read('cert', cert),
    key: read('key', key),
    clientCa: clientCa === '' ? undefined : read('clientCa', clientCa),
  }
}

function read(setting: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new PostflightError('CONFIG_INVALID', `otlp.tls.${setting}: ${message}`, {
      hint: 'Name a PEM file that Postflight may read.',
      cause: error,
    })
  }
}
