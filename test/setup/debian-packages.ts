import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/**
 * Makes sure that Debian's packages are there: installs them when run as root.
 * @param wanted program that proves a package, by the package's name
 * @throws Error with the line that installs what is missing
 */
export function ensureDebianPackages(wanted: Readonly<Record<string, string>>): void {
  const missing = Object.entries(wanted).flatMap(([name, program]) => (existsSync(program) ? [] : [name]))
  if (missing.length === 0) return
  const line = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`These tests need ${missing.join(', ')}. Run:\n  sudo sh -c '${line}'`)
  }
  console.log(`Installing ${missing.join(', ')} ...`)
  try {
    // Debian would start a server that it installs; the tests start their own.
    execFileSync('sh', ['-c', line], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      timeout: 600_000,
    })
  } catch (error) {
    throw new Error(`${missing.join(', ')} could not be installed. Run:\n  ${line}`, { cause: error })
  }
}
