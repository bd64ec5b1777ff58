import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const ENTRY = join(import.meta.dirname, '..', '..', 'deploy', 'cli', 'postflight.ts')
/** A start takes three seconds of CPU, for which a process may wait minutes where others of higher priority take both cores. */
const STARTS_WITHIN = 600_000

/** A part of the system that may be killed and that comes back, as under a supervisor. */
export interface Part {
  readonly name: string
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** Resolves when it works again. @throws Error with what it printed if it does not within ten minutes */
  recover(): Promise<void>
}

/** `postflight <args>`, started again whenever it ends; it prints a line of JSON once it is ready. */
export class SupervisedCommand implements Part {
  readonly name: string
  /** How often it was started. */
  starts = 0
  private readonly args: readonly string[]
  private child: ChildProcess | undefined
  private ready = false
  private stopping = false
  private printed = ''
  private running: Promise<void> | undefined

  constructor(name: string, args: readonly string[]) {
    this.name = name
    this.args = args
  }

  start(): void {
    this.running = this.supervise()
  }

  async kill(): Promise<void> {
    const gone = this.ended()
    this.ready = false
    this.child?.kill('SIGKILL')
    await gone
  }

  async recover(): Promise<void> {
    const until = performance.now() + STARTS_WITHIN
    while (!this.ready) {
      if (performance.now() > until)
        throw new Error(`${this.name} does not start: ${this.printed.slice(-4_000)}`)
      await sleep(50)
    }
  }

  /** Resolves when the process that runs now has ended by itself. */
  async ended(): Promise<void> {
    const { child } = this
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    await new Promise((done) => child.once('exit', done))
  }

  /** Ends it as a supervisor would that is done. */
  async stop(): Promise<void> {
    this.stopping = true
    this.child?.kill('SIGTERM')
    await this.running
  }

  private async supervise(): Promise<void> {
    while (!this.stopping) {
      const child = spawn(process.execPath, [ENTRY, ...this.args, '--json'], {
        env: { PATH: process.env['PATH'] ?? '', POSTFLIGHT_LOG_LEVEL: 'warn' },
      })
      this.child = child
      this.starts++
      const keep = (chunk: Buffer) => {
        this.printed = (this.printed + chunk).slice(-20_000)
      }
      child.stdout.on('data', (chunk: Buffer) => {
        if (String(chunk).startsWith('{"api"') || String(chunk).startsWith('{"clickhouse"')) this.ready = true
        keep(chunk)
      })
      child.stderr.on('data', keep)
      await new Promise((done) => child.once('exit', done))
      this.ready = false
      if (!this.stopping) await sleep(100)
    }
  }
}
