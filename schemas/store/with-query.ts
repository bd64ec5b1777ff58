import type { Store } from './client.ts'

/** A store whose queries go another way; all else is done by the store it stands for. */
export function withQuery(store: Store, query: Store['query']): Store {
  return {
    url: store.url,
    database: store.database,
    query,
    stream: store.stream.bind(store),
    command: store.command.bind(store),
    insert: store.insert.bind(store),
    insertNative: store.insertNative.bind(store),
    ping: store.ping.bind(store),
    close: store.close.bind(store),
  }
}
