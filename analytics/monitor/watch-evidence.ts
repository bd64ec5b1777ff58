import type { Criticality, Signal } from '../../schemas/signals/signal.ts'

export type Relation = 'own' | 'caller' | 'callee'

/** One service of a watch: its own, or one that calls it or is called. */
export interface WatchedService {
  readonly service: string
  readonly relation: Relation
  /** What its signals read; of others than its own, the service as a whole. */
  readonly signals: readonly Signal[]
  /** The version that is judged; null: all there are. */
  readonly version: string | null
  /** The version that it replaces; null: all there were. */
  readonly baseline: string | null
}

export interface WatchPlan {
  /** Seconds. */
  readonly startedAt: number
  readonly minutes: number
  readonly warmUpMinutes: number
  /** Share of deployments that changed nothing and may be paged for. */
  readonly alpha: number
}

/** What is known of one series. */
export interface SignalEvidence {
  readonly service: string
  readonly relation: Relation
  readonly signal: string
  readonly title: string
  readonly unit: string
  readonly kind: Signal['kind']
  readonly criticality: Criticality
  readonly dimension: string
  /** Natural logarithm of the e-value; -Infinity: no change beyond what matters. */
  readonly logE: number
  /** Share of the deployment's error that the series has. */
  readonly weight: number
  readonly before: number
  readonly after: number
  /** After by before; null where before is 0. */
  readonly ratio: number | null
  /** Bounds of the ratio that hold at all looks together. */
  readonly interval: readonly [number, number] | null
  /** Seconds: when the change began, as far as it can be told. */
  readonly since: number
  /** Events (bad ones, slow ones) of the new version since then, out of how many. */
  readonly events: number
  readonly exposure: number
  /** True: not known before the release. */
  readonly fresh: boolean
  /** In failed requests: users' requests touched beyond what was there before, by how bad it is for each. */
  readonly harm: number
  readonly decided: 'worse' | 'not_worse' | 'open'
  /** Shown to be no worse, or not by the tolerable factor, if the watch ends now: that moment is set before, so one look's error is enough. */
  readonly soundAtEnd: boolean
  /** Minutes until it can be decided at this pace; null: decided, or time alone cannot. */
  readonly moreMinutes: number | null
  /** True: the last minutes are no worse than what matters. */
  readonly recovered: boolean
}

export interface WatchEvidence {
  /** Natural logarithm of the deployment's e-value: all series' together, by weight. */
  readonly logE: number
  /** What it has to reach. */
  readonly threshold: number
  readonly crossed: boolean
  readonly signals: readonly SignalEvidence[]
  /** Of the version that is judged, since the deployment. */
  readonly requests: number
  /** Of the newest complete minutes, its own service: of the version that is judged, and of all. */
  readonly share: number | null
}
