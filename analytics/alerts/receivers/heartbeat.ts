import type { HeartbeatSettings } from '../../../schemas/alerts.ts'
import { readSecret } from '../../../schemas/secret.ts'
import type { Receiver } from '../receiver.ts'
import { sendHttp, urlSecrets } from './http.ts'

/** An address that is asked for each minute while the monitor is alive. Who keeps it (a dead man's switch) tells people when it stops. */
export function heartbeat(settings: HeartbeatSettings): Receiver {
  return {
    name: `heartbeat:${settings.name}`,
    events: new Set(),
    heartbeat: true,
    deduplicates: true,
    repeatEvery: 60_000,
    render: () => ({ contentType: 'text/plain', body: 'GET' }),
    send: async () => {
      const url = await readSecret(settings.url, settings.urlFile)
      return await sendHttp({ method: 'GET', url, secrets: urlSecrets(url) })
    },
  }
}
