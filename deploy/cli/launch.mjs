#!/usr/bin/env node
// What `npx postflight` runs: plain JavaScript, because the machine's own Node may be too old for TypeScript.
// Installs what is missing, then hands over to the Node that comes with the package.
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const installed = spawnSync(process.execPath, [join(root, 'deploy', 'install.mjs')], { stdio: 'inherit' })
if (installed.status !== 0) process.exit(installed.status ?? 1)

const child = spawn(
  join(root, 'node_modules', '.bin', 'node'),
  [join(root, 'deploy', 'cli', 'postflight.ts'), ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
// A terminal sends Ctrl-C to both; the child decides when it is done.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('close', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1
})
