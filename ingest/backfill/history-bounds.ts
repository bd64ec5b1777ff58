import type { Store } from '../../schemas/store/client.ts'
import type { Span } from './plan.ts'
import type { BackfillTask } from './tasks.ts'

export interface HistoryBounds {
  readonly store: Store
  readonly tasks: readonly BackfillTask[]
  /** Values that a measure of a service keeps apart on a day, and cumulative streams that it keeps. */
  readonly most: number
  readonly mostStreams: number
  /** Instances that a version of a service keeps apart in an environment on a day. */
  readonly mostInstances: number
  readonly threads: number
}

/** A span of a task, whose cells are not there for good. */
export type TaskSpan = Pick<Span, 'from' | 'to'> & { readonly task: BackfillTask }
