import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const VERSION = 'v0.161.0'
const PACKAGE = `github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@${VERSION}`

/**
 * The Collector's load generator, built once from the Go module proxy.
 * @returns its path
 * @throws Error with the line that builds it, if Go is missing
 */
export async function telemetrygen(): Promise<string> {
  const folder = join(tmpdir(), `postflight-telemetrygen-${VERSION}`)
  const program = join(folder, 'telemetrygen')
  if (existsSync(program)) return program
  await mkdir(folder, { recursive: true })
  // Go puts the program in its place when it is whole.
  await promisify(execFile)('go', ['install', PACKAGE], {
    env: { ...process.env, GOBIN: folder },
    timeout: 900_000,
    maxBuffer: 2 ** 26,
  }).catch((error: unknown) => {
    throw new Error(
      `telemetrygen could not be built. With Go installed (https://go.dev/dl), run:\n  GOBIN=${folder} go install ${PACKAGE}`,
      { cause: error },
    )
  })
  return program
}
