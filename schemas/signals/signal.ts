export const SIGNAL_KINDS = ['rate', 'ratio', 'distribution', 'gauge'] as const
export type SignalKind = (typeof SIGNAL_KINDS)[number]

export const SIGNAL_GROUPS = [
  'exceptions',
  'logs',
  'latency',
  'errors',
  'database',
  'runtime',
  'host',
  'traffic',
  'users',
  'custom',
] as const
export type SignalGroup = (typeof SIGNAL_GROUPS)[number]

export const BAD_DIRECTIONS = ['up', 'down', 'both'] as const
export type BadDirection = (typeof BAD_DIRECTIONS)[number]

/** `info` is reported but never makes a deployment regressed. */
export const CRITICALITIES = ['critical', 'major', 'minor', 'info'] as const
export type Criticality = (typeof CRITICALITIES)[number]

/** The smallest change that matters to people: both must be passed. */
export interface SmallestEffect {
  /** Ratio after/before, > 1 (a fall counts from 1/ratio). */
  readonly ratio: number
  /** Difference in the signal's unit, >= 0. */
  readonly absolute: number
}

/** One thing whose change after a release matters. Adding a signal is adding one entry. */
export interface Signal {
  readonly id: string
  readonly title: string
  readonly group: SignalGroup
  /** UCUM-like: 's', '1' (a ratio), 'By', '{event}/{request}', '{request}/min' ... */
  readonly unit: string
  readonly kind: SignalKind
  /**
   * Measures (measures.ts) that count the same thing in different ways; for each service version the one with the most
   * events is read, so that nothing is counted twice. Exceptions are finer: see exceptions-once.ts.
   */
  readonly measures: readonly [string, ...string[]]
  /** For `rate`: events per minute, or per event of another measure (all its dimensions together). */
  readonly per?: 'minute' | string
  /** True: its events are spans, or stand in them, so that a sampler takes from them what it takes from requests. Set by the catalogue. */
  readonly ofSpans?: boolean
  /** What the dimension is called: 'route', 'statement', 'exception', 'peer' ...; absent where there is none. */
  readonly dimension?: string
  readonly badDirection: BadDirection
  readonly smallestEffect: SmallestEffect
  readonly criticality: Criticality
  /** True: kinds (dimension values) that were never seen before, or are gone, are findings of their own. */
  readonly newKinds?: boolean
  /** True: growth with the age of the process is compared too (leaks). */
  readonly growth?: boolean
}
