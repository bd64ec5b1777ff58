import type { ChatSettings } from '../../../schemas/alerts.ts'
import { readSecret } from '../../../schemas/secret.ts'
import type { Notice } from '../notice.ts'
import type { Receiver } from '../receiver.ts'
import { JSON_TYPE, jsonRendering, sendHttp, urlSecrets } from './http.ts'

/** An incoming webhook of a chat: its address is its secret, and it shows every message that it gets. */
export interface Chat {
  readonly kind: 'slack' | 'teams'
  payloadOf(notice: Notice): object
  /** @throws SendError if a body that came with a success says otherwise */
  check?(answer: string): void
}

export function chat({ kind, payloadOf, check }: Chat, settings: ChatSettings): Receiver {
  return {
    name: `${kind}:${settings.name}`,
    events: new Set(['firing', 'acknowledged', 'resolved']),
    heartbeat: false,
    deduplicates: false,
    repeatEvery: null,
    render: (notice) => jsonRendering(payloadOf(notice)),
    send: async (notice) => {
      const url = await readSecret(settings.url, settings.urlFile)
      const body = JSON.stringify(payloadOf(notice))
      const answer = await sendHttp({ url, headers: JSON_TYPE, body, secrets: urlSecrets(url) })
      check?.(answer)
      return answer
    },
  }
}
