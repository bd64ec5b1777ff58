import { EngineSession, quote } from './engine.ts'
import { ClickHouseException } from './exception.ts'

/** A session that one request has to itself until it calls `release`. */
export interface Lease {
  session: EngineSession
  /** Number of the place it takes among the queries that run at once, from 0. */
  slot: number
  /** Whether the session is one that the client named, and outlives the request. */
  named: boolean
  release(): void
}

interface NamedSession {
  session: EngineSession
  busy: boolean
  timer: NodeJS.Timeout | undefined
}

export interface SessionPoolOptions {
  directory: string
  args: readonly string[]
  /** How many queries run at once; more wait their turn. */
  maxConcurrent: number
  /** How many may wait; one more is refused. */
  maxWaiting: number
}

/**
 * Sessions on one data directory. Each request gets a fresh one (half a millisecond), so no setting, parameter or
 * temporary table of one is ever seen by another, and a long query never holds up a short one. Sessions that a client
 * names are kept until their time is out.
 */
export class SessionPool {
  #options: SessionPoolOptions
  /** Holds the engine open, and answers this class's own questions and kills. */
  #control: EngineSession
  #controlTail: Promise<unknown> = Promise.resolve()
  #named = new Map<string, NamedSession>()
  #free: number[]
  #waiting: Array<{ take(slot: number): void; refuse(error: Error): void }> = []
  #closing = false
  #idle: Array<() => void> = []

  /** @throws Error when the engine cannot open the directory */
  constructor(options: SessionPoolOptions) {
    this.#options = options
    this.#control = new EngineSession(options.directory, options.args)
    this.#free = Array.from({ length: options.maxConcurrent }, (_, slot) => slot)
  }

  /** Queries that run now. */
  get running(): number {
    return this.#options.maxConcurrent - this.#free.length
  }

  /** Runs a short statement on the control session, one after another. */
  ask(sql: string): Promise<string> {
    const answer = this.#controlTail.then(() => this.#control.read(sql, 'TabSeparated'))
    this.#controlTail = answer.catch(() => undefined)
    return answer.then((outcome) => Buffer.from(outcome.bytes).toString().trimEnd())
  }

  /** Asks the engine to end the statement that runs with this `log_comment`; it ends with an exception of its own. */
  async kill(comment: string): Promise<void> {
    // SYNC hangs in this engine; whoever holds the lease sees the statement end.
    await this.ask(`KILL QUERY WHERE Settings['log_comment'] = ${quote(comment)} ASYNC`)
  }

  /**
   * @param name of a session to keep, if the client names one
   * @throws ClickHouseException when too many wait, or the named session is busy or gone
   */
  async lease(name?: { id: string; timeoutSeconds: number; mustExist: boolean }): Promise<Lease> {
    if (this.#closing) throw stopping()
    const kept = name === undefined ? undefined : this.#hold(name)
    try {
      const slot = await this.#takeSlot()
      try {
        const session = kept?.session ?? new EngineSession(this.#options.directory, this.#options.args)
        const release = () => {
          if (name === undefined || kept === undefined) session.close()
          else this.#letGo(name.id, kept, name.timeoutSeconds)
          this.#giveSlot(slot)
        }
        return { session, slot, named: kept !== undefined, release }
      } catch (error) {
        this.#giveSlot(slot)
        throw error
      }
    } catch (error) {
      if (name !== undefined && kept !== undefined) this.#letGo(name.id, kept, name.timeoutSeconds)
      throw error
    }
  }

  /** Ends what runs, waits for it, and closes the engine. */
  async close(): Promise<void> {
    this.#closing = true
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(stopping())
    while (this.running > 0) {
      const idle = new Promise<void>((resolve) => this.#idle.push(resolve))
      await this.ask("KILL QUERY WHERE Settings['log_comment'] LIKE '%query_id=%' ASYNC")
      // A statement may just be between its settings and itself, so the kill is repeated until all are gone.
      await Promise.race([idle, new Promise((resolve) => setTimeout(resolve, 100))])
    }
    for (const { session, timer } of this.#named.values()) {
      clearTimeout(timer)
      session.close()
    }
    this.#named.clear()
    await this.#controlTail
    this.#control.close()
  }

  #hold(name: { id: string; mustExist: boolean }): NamedSession {
    const found = this.#named.get(name.id)
    if (found === undefined) {
      if (name.mustExist) {
        throw new ClickHouseException(372, 'SESSION_NOT_FOUND', `Session ${name.id} not found`)
      }
      const session = new EngineSession(this.#options.directory, this.#options.args)
      const made: NamedSession = { session, busy: true, timer: undefined }
      this.#named.set(name.id, made)
      return made
    }
    if (found.busy) {
      throw new ClickHouseException(
        373,
        'SESSION_IS_LOCKED',
        `Session ${name.id} is locked by a concurrent client`,
      )
    }
    clearTimeout(found.timer)
    found.busy = true
    return found
  }

  #letGo(id: string, kept: NamedSession, timeoutSeconds: number): void {
    kept.busy = false
    kept.timer = setTimeout(() => {
      this.#named.delete(id)
      kept.session.close()
    }, timeoutSeconds * 1000)
    kept.timer.unref()
  }

  #takeSlot(): Promise<number> {
    const slot = this.#free.pop()
    if (slot !== undefined) return Promise.resolve(slot)
    if (this.#waiting.length >= this.#options.maxWaiting) {
      return Promise.reject(
        new ClickHouseException(
          202,
          'TOO_MANY_SIMULTANEOUS_QUERIES',
          `Too many simultaneous queries: ${this.#options.maxConcurrent} run and ${this.#waiting.length} wait`,
        ),
      )
    }
    return new Promise((take, refuse) => this.#waiting.push({ take, refuse }))
  }

  #giveSlot(slot: number): void {
    const next = this.#waiting.shift()
    if (next !== undefined) {
      next.take(slot)
      return
    }
    this.#free.push(slot)
    if (this.running === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }
}

function stopping(): ClickHouseException {
  return new ClickHouseException(236, 'ABORTED', 'The server is stopping')
}
