import { alertsSchema } from '../../schemas/alerts.ts'
import type { Config } from '../../schemas/config.ts'

/** The demonstration's live environment. */
export const LIVE_ENVIRONMENT = 'live'

/**
 * What the demonstration sets over a user's configuration: short windows for the live shop, so that a verdict is final within minutes, and
 * a webhook that shows the alert.
 * @param alertUrl of the demonstration's own receiver
 */
export function withDemoSettings(config: Config, alertUrl: string): Config {
  const own = alertsSchema.parse({ webhooks: [{ name: 'demo', url: alertUrl }] })
  return {
    ...config,
    analysis: {
      ...config.analysis,
      intervalSeconds: Math.min(config.analysis.intervalSeconds, 5),
      latenessSeconds: Math.min(config.analysis.latenessSeconds, 20),
      environments: {
        [LIVE_ENVIRONMENT]: { watchMinutes: 9, beforeMinutes: 15, warmUpMinutes: 1 },
        ...config.analysis.environments,
      },
    },
    alerts: {
      ...config.alerts,
      webhooks: [...config.alerts.webhooks, ...own.webhooks],
    },
  }
}
