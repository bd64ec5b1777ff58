// Brings node_modules to what package-lock.json says. Plain JavaScript without dependencies, because npm runs it
// (prestart, pretest, ...) before anything is installed and on whatever Node >= 20 the machine has.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const MODULES = join(ROOT, 'node_modules')
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64']

/** @param {string} path @returns {Record<string, {version?: string, optional?: boolean}> | undefined} */
function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}

/** True if npm's own record of what it installed differs from the lockfile; no clocks, so copies and clones do no harm. */
function isStale(locked) {
  const installed = packagesOf(join(MODULES, '.package-lock.json'))
  if (installed === undefined || !existsSync(join(MODULES, '.bin', 'node'))) return true
  return Object.entries(locked).some(([path, { version, optional }]) => {
    if (path === '') return false
    const found = installed[path]
    return found === undefined ? optional !== true : found.version !== version
  })
}

function fail(message, hint) {
  process.stderr.write(`\nPostflight cannot be installed: ${message}\n${hint}\n`)
  process.exit(1)
}

/** Runs npm and shows how far it is: a line that is rewritten on a terminal, a line every ten seconds elsewhere. */
function install(locked) {
  const paths = Object.entries(locked)
    .filter(([path, { optional }]) => path !== '' && optional !== true)
    .map(([path]) => join(ROOT, path, 'package.json'))
  const npm = process.env.npm_execpath
  const [command, first] =
    npm !== undefined && basename(npm) === 'npm-cli.js' ? [process.execPath, [npm]] : ['npm', []]
  const terminal = process.stderr.isTTY === true
  const start = Date.now()
  const progress = () => {
    const there = paths.filter((path) => existsSync(path)).length
    const seconds = Math.round((Date.now() - start) / 1000)
    const line = `Installing what Postflight needs (1.2 GB, once): ${there} of ${paths.length} packages, ${seconds} s`
    process.stderr.write(terminal ? `\r${line}` : `${line}\n`)
  }
  progress()
  const timer = setInterval(progress, terminal ? 500 : 10_000)
  const child = spawn(
    command,
    // Not `npm ci`: it refuses a lockfile that lacks optional packages of other platforms, which npm leaves out
    // where they cannot be resolved. `install --no-save` takes the same locked versions and keeps what is there.
    [
      ...first,
      'install',
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      '--progress=false',
    ],
    { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-4000)
  })
  child.on('error', (error) => fail(error.message, 'Is npm on the PATH? It comes with Node.js.'))
  child.on('close', (code) => {
    clearInterval(timer)
    progress()
    if (terminal) process.stderr.write('\n')
    if (code === 0 && existsSync(join(MODULES, '.bin', 'node'))) return
    if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET_TIMEOUT|network/i.test(errors)) {
      fail(
        `the package registry cannot be reached.\n${errors.trim()}`,
        'Check the network (and `npm config get registry`, `npm config get proxy`), then run the same command again.',
      )
    }
    if (/ENOSPC/.test(errors)) fail('the disk is full.', 'Free 2 GB and run the same command again.')
    fail(
      `npm ended with code ${code}.\n${errors.trim()}`,
      'Run `npm install --no-save --ignore-scripts` to see all of it.',
    )
  })
}

const [major = 0] = process.versions.node.split('.').map(Number)
const platform = `${process.platform}-${process.arch}`
const locked = packagesOf(join(ROOT, 'package-lock.json'))
if (major < 20) {
  fail(
    `it needs Node.js 20 or newer to install; this is ${process.versions.node}.`,
    'Install a newer Node.js.',
  )
} else if (!PLATFORMS.includes(platform)) {
  fail(
    `its engine does not run on ${platform}.`,
    `It runs on ${PLATFORMS.join(', ')}; on Windows, use WSL 2.`,
  )
} else if (locked === undefined) {
  fail('package-lock.json is missing or broken.', 'Restore it: git checkout package-lock.json')
} else if (isStale(locked)) {
  install(locked)
}
