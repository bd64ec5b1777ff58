import { closeSync, constants, openSync } from 'node:fs'
import { Socket } from 'node:net'

/**
 * The reading end of a named pipe into which the engine writes a result (`INTO OUTFILE`). The engine's own streaming
 * call formats each chunk as a document of its own (two heads in a CSVWithNames, two documents in a JSON), so it serves
 * no client; through a pipe every format comes out whole, and a slow reader holds the engine back.
 */
export interface ResultPipe {
  readonly stream: Socket
  /** To be called when the engine has ended: then the stream ends after what is still in the pipe. */
  writerDone(): void
}

/** @param path a named pipe that no other query uses now */
export function openResultPipe(path: string): ResultPipe {
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  // Without a writer of its own the stream would end before the engine has opened the pipe.
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  const stream = new Socket({ fd: reader, readable: true, writable: false })
  return { stream, writerDone: () => closeSync(writer) }
}
