import { setTimeout as sleep } from 'node:timers/promises'
import type { Report } from '../../schemas/contracts/report.ts'

/** Of a listed deployment, what the demonstration shows. */
export interface Listed {
  readonly deploymentId: string
  readonly service: string
  readonly version: string
  readonly state: string | null
  readonly provisional: boolean | null
  readonly headline: string | null
}

/** Postflight's API as a pipeline and a reader use it. */
export interface DemoApi {
  tell(deployment: object): Promise<void>
  /** Deployments of an environment, oldest first. */
  deployments(environment: string): Promise<readonly Listed[]>
  /** Undefined as long as there is none. */
  report(deploymentId: string): Promise<Report | undefined>
}

/** A busy machine may keep the store from answering for some seconds: asked again so often, with a second between. */
const ATTEMPTS = 60

/** @param signal ends what is under way */
export function demoApi(apiUrl: string, apiKey: string | undefined, signal: AbortSignal): DemoApi {
  const once = async (path: string, body?: object): Promise<Response> =>
    await fetch(`${apiUrl}/api/v1${path}`, {
      signal,
      headers: {
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
  const call = async (path: string, body?: object): Promise<Response> => {
    for (let attempt = 1; ; attempt++) {
      const response = await once(path, body)
      if (response.status !== 503 || attempt === ATTEMPTS) return response
      await response.body?.cancel()
      await sleep(1_000, undefined, { signal })
    }
  }
  const refused = async (path: string, response: Response): Promise<Error> =>
    new Error(`${path} was answered with ${response.status}: ${await response.text()}`)
  return {
    async tell(deployment) {
      const response = await call('/deployments', deployment)
      if (!response.ok) throw await refused('/deployments', response)
    },
    async deployments(environment) {
      const path = `/deployments?environment=${encodeURIComponent(environment)}&sort=startedAt&limit=100`
      const response = await call(path)
      if (!response.ok) throw await refused(path, response)
      return ((await response.json()) as { items: Listed[] }).items
    },
    async report(deploymentId) {
      const path = `/reports/${encodeURIComponent(deploymentId)}`
      const response = await call(path)
      if (response.status === 404) return undefined
      if (!response.ok) throw await refused(path, response)
      return (await response.json()) as Report
    },
  }
}
