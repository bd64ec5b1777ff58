/** Bytes that one statement may use; grouping goes to disk past half of it. */
const MOST_MEMORY = 400 * 2 ** 20

/** Settings of a statement that has time. @param threads that it may use */
export function polite(threads: number): Record<string, number> {
  return {
    max_threads: threads,
    max_insert_threads: 1,
    max_memory_usage: MOST_MEMORY,
    max_bytes_before_external_group_by: MOST_MEMORY / 2,
    max_execution_time: 0,
    // A span that was taken away and is counted again may be, to the byte, what the table remembers.
    insert_deduplicate: 0,
    // What of a condition is remembered would not know that what is kept (schemas/signals/bounded-dimension.ts) has changed.
    use_query_condition_cache: 0,
    // Of queries that run at the same time, those of people come first.
    priority: 10,
  }
}
