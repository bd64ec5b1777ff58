import type { IncomingMessage, ServerResponse } from 'node:http'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Gates } from '../analytics/gate/gates.ts'
import type { Config } from '../schemas/config.ts'
import type { Deployment } from '../schemas/contracts/deployment.ts'
import type { Scope } from '../schemas/contracts/key.ts'
import type { Catalogue } from '../schemas/signals/catalogue.ts'
import type { Store } from '../schemas/store/client.ts'
import type { Authenticator } from './auth/authenticator.ts'
import type { FreshCache } from './reads/fresh-cache.ts'
import type { Reports } from './reads/reports.ts'
import type { Summaries } from './reads/summaries.ts'

/** All that routes and pages need, built once by server.ts. */
export interface ApiContext {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly config: Config
  readonly clock: () => number
  readonly auth: Authenticator
  readonly summaries: Summaries
  readonly reports: Reports
  readonly gates: Gates
  /** Results that may be a second old. */
  readonly fresh: FreshCache
  /** Dear results that may be a minute old. */
  readonly slow: FreshCache
  /** Results whose key says of which computation they are. */
  readonly lasting: FreshCache
  readonly onDeployment: (deployment: Deployment) => void
  /** Told when somebody has acknowledged an alert or changed a mute. */
  readonly onAlertChange: () => void
  readonly metricsHandler: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
}

export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Scope that the route needs; 'open' for none. Default: read for GET and HEAD, else write. */
    scope?: Scope | 'open'
  }
  interface FastifyRequest {
    /** Id of the key that was shown; null where none is needed. */
    keyId: string | null
    /** Whether who asks may record things, and not only read. */
    mayWrite: boolean
  }
}
