const MB = 1024 * 1024

/**
 * Arguments of every engine session.
 *
 * @param memoryLimit bytes the process may use; queries that would need more are refused with code 241
 */
export function engineArguments(memoryLimit: number): string[] {
  return [
    // The engine's own default is 1: it would acknowledge rows that only memory has.
    '--async_insert=0',
    // On in this engine, off on a server: `selec 1` would be an expression rather than an error.
    '--implicit_select=0',
    `--max_server_memory_usage=${memoryLimit}`,
    `--mark_cache_size=${64 * MB}`,
    `--index_mark_cache_size=${16 * MB}`,
    `--uncompressed_cache_size=0`,
    `--index_uncompressed_cache_size=0`,
    `--mmap_cache_size=0`,
  ]
}
