/** Memory that nobody else has a part of. */
const owned = new WeakSet<ArrayBufferLike>()

/** @param buffer must have its memory to itself @returns the same buffer */
export function own(buffer: Buffer): Buffer {
  owned.add(buffer.buffer)
  return buffer
}

/**
 * Gives the memory of a large buffer back at once, with all parts of it; they are empty afterwards. The garbage collector would let a hundred megabytes of them lie
 * under load, since to it they are small objects. Nothing happens to what is not `own`ed.
 */
export function free(buffer: Buffer): void {
  if (owned.delete(buffer.buffer)) (buffer.buffer as ArrayBuffer).transfer(0)
}
