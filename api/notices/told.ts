import type { DeploymentNews } from '../../analytics/releases/merge-news.ts'
import type { DeploymentSource } from '../../schemas/contracts/deployment.ts'

/** What a sender told of one deployment, in its own names. */
export interface Told {
  readonly kind: DeploymentSource['kind']
  /** `owner/repository`, application or subject: what the rules of the settings go by. */
  readonly from: string
  /** As the sender calls it. */
  readonly environment: string
  /** Services and versions that it names in so many words, if it does. */
  readonly service: string | null
  readonly version: string | null
  /** What else a version may be made of. */
  readonly ref: string | null
  readonly commit: string | null
  /** `registry/path/name:tag` */
  readonly images: readonly string[]
  readonly id: string
  readonly deployment: string | null
  /** ISO 8601. */
  readonly at: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly status: DeploymentSource['status']
  readonly isRollback: boolean
  readonly link: string | null
  readonly attributes: Readonly<Record<string, string>>
}

/** What a notice comes to: news of deployments, the end of services, or nothing, with the reason. */
export type Notice =
  | {
      readonly kind: 'removal'
      readonly from: readonly { readonly service: string; readonly environment: string }[]
      readonly at: string
    }
  | { readonly kind: 'news'; readonly news: readonly DeploymentNews[] }
  | { readonly kind: 'ignored'; readonly reason: string }

export const ignored = (reason: string): Notice => ({ kind: 'ignored', reason })
