import { PostflightError } from '../../schemas/errors.ts'
import type { Api, ApiContext } from '../context.ts'
import { requestRefused } from '../telemetry.ts'

const READING = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Wrong keys from one address, a minute. A pipeline with a stale key is told often enough. */
const FAILURES_A_MINUTE = 30

/** Asks every request for what its route needs; a route that says nothing needs `read`, or `write` if it changes something. */
export function guard(app: Api, { auth }: ApiContext): void {
  app.decorateRequest('keyId', null)
  app.decorateRequest('mayWrite', false)
  const failures = app.createRateLimit({ max: FAILURES_A_MINUTE, timeWindow: '1 minute' })
  app.addHook('onRequest', async (request) => {
    const changes = !READING.has(request.method)
    const wanted = request.routeOptions.config.scope ?? (changes ? 'write' : 'read')
    if (wanted === 'open' && !changes) return
    // Even an open form must not be sent from another site.
    const answer = await auth.authenticate(request.headers, wanted === 'open' ? 'read' : wanted, changes)
    if (answer.kind === 'ok') {
      request.keyId = answer.keyId
      request.mayWrite = answer.mayWrite
      return
    }
    if (wanted === 'open' && answer.kind === 'unauthenticated') return
    if (answer.kind === 'forbidden') {
      // Whoever may not, too, is shown the way out, to show another key.
      request.keyId = answer.keyId
      requestRefused('forbidden')
      throw new PostflightError('FORBIDDEN', answer.reason, { hint: answer.hint })
    }
    const limit = await failures(request)
    if (!limit.isAllowed && limit.isExceeded) {
      requestRefused('rate_limited')
      throw new PostflightError('RATE_LIMITED', 'Too many requests without a right key.', {
        hint: `Wait ${limit.ttlInSeconds} s, then use a key that is active.`,
        details: { retryAfter: limit.ttlInSeconds },
      })
    }
    requestRefused('unauthenticated')
    throw new PostflightError('UNAUTHENTICATED', answer.reason, {
      hint: 'Send Authorization: Bearer pf_..., or open /login in a browser. Make a key: postflight keys create --name NAME --scopes read',
    })
  })
}
