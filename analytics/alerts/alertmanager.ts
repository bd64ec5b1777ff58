import { postJson, type Receiver } from './receiver.ts'

const REPEAT = 60_000
/** A firing alert ends by itself at Alertmanager when it was not sent again for so long: Postflight is gone, or no longer fires. */
const LIVES = 5 * REPEAT

/**
 * Alertmanager, API v2. Its protocol wants a firing alert again and again; the labels are its identity, so people are notified once. It
 * ends by `endsAt`.
 * @param base address without `/api/v2`
 */
export function alertmanager(base: string): Receiver {
  const url = `${base.replace(/\/+$/, '')}/api/v2/alerts`
  return {
    name: `alertmanager:${base}`,
    repeatEvery: REPEAT,
    send: async (alert, now) => {
      const endsAt = alert.endsAt ?? new Date(now + LIVES).toISOString()
      await postJson(
        url,
        JSON.stringify([
          {
            labels: {
              alertname: 'PostflightRegression',
              service: alert.service,
              environment: alert.environment,
              version: alert.version,
              deployment: alert.deploymentId,
            },
            annotations: {
              summary: alert.summary,
              description: alert.reasons.map((reason) => reason.summary).join('\n'),
            },
            startsAt: alert.startsAt,
            endsAt,
            generatorURL: alert.link,
          },
        ]),
      )
    },
  }
}
