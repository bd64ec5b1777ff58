/** Milliseconds after which a body that is still being read holds up no others: its sender is slow. */
const PATIENCE = 1_000

interface Waiting {
  readonly bytes: number
  readonly begin: () => void
}

/**
 * Bodies are read some at a time, in the order of their requests; what the others have sent so far waits in their sockets. So memory is bounded however many send at
 * once, and none is refused for it.
 */
export class BodyTurns {
  private readonly maxBytes: number
  private readonly waiting: Waiting[] = []
  private reading = 0

  /** @param maxBytes of bodies that are read at the same time; one alone may have more */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Settles when a body may be read. @param bytes that it is expected to have @returns to be called once nothing of it is needed any more */
  enter(bytes: number): Promise<() => void> {
    return new Promise((resolve) => {
      this.waiting.push({ bytes, begin: () => resolve(this.begin(bytes)) })
      this.goOn()
    })
  }

  private begin(bytes: number): () => void {
    this.reading += bytes
    let counts = true
    const leave = () => {
      clearTimeout(timer)
      if (!counts) return
      counts = false
      this.reading -= bytes
      this.goOn()
    }
    const timer = setTimeout(leave, PATIENCE)
    timer.unref()
    return leave
  }

  private goOn(): void {
    for (let [next] = this.waiting; next !== undefined; [next] = this.waiting) {
      if (this.reading > 0 && this.reading + next.bytes > this.maxBytes) return
      this.waiting.shift()
      next.begin()
    }
  }
}
