import { type ForkOptions, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A part of a benchmark in a process of its own. */
export interface BenchProcess<Word> {
  readonly pid: number
  /** What it said when it was ready. */
  readonly word: Word
  /** Lets it go, and waits until it has ended. */
  close(): Promise<void>
}

/**
 * Resolves when the process has said its first word; it ends when it is disconnected.
 * @param script of this folder
 * @throws Error if it ends before
 */
export async function startBenchProcess<Word>(
  script: string,
  args: readonly string[] = [],
  options: ForkOptions = {},
): Promise<BenchProcess<Word>> {
  const child = fork(join(import.meta.dirname, script), [...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...options,
  })
  const exited = once(child, 'exit')
  const [word] = (await Promise.race([
    once(child, 'message'),
    exited.then(() => {
      throw new Error(`${script} could not start`)
    }),
  ])) as [Word]
  return {
    pid: child.pid as number,
    word,
    async close() {
      child.disconnect()
      await exited
    },
  }
}
