interface KnownRoute {
  readonly pattern: RegExp
  readonly methods: Set<string>
}

/** Remembers what is routed, to tell 405 (with Allow) from 404. */
export class KnownRoutes {
  readonly #routes = new Map<string, KnownRoute>()

  add(url: string, methods: string | readonly string[]): void {
    const known = this.#routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() }
    for (const method of typeof methods === 'string' ? [methods] : methods) known.methods.add(method)
    this.#routes.set(url, known)
  }

  /** Methods that the path takes; empty for an unknown path. @param path as in the request, still encoded, without its query */
  methodsOf(path: string): readonly string[] {
    const methods = new Set<string>()
    for (const route of this.#routes.values()) {
      if (route.pattern.test(path)) for (const method of route.methods) methods.add(method)
    }
    return [...methods].sort()
  }
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => {
      if (part.startsWith(':')) return '[^/]+'
      if (part === '*') return '.*'
      return part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    })
    .join('/')
  return new RegExp(`^${source}$`)
}
