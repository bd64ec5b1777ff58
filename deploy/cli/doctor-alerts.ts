import { listNotifications } from '../../analytics/alerts/outbox.ts'
import { receiverNames, unreadableAlertSecrets } from '../../schemas/alerts.ts'
import type { Config } from '../../schemas/config.ts'
import type { Store } from '../../schemas/store/client.ts'
import type { Finding } from './finding.ts'

const MINUTE = 60_000
/** Waiting for longer than a few attempts take. */
const LONG = 10 * MINUTE

/** Whether receivers take what they are sent. @param now milliseconds */
export async function alertFindings(alerts: Config['alerts'], store: Store, now: number): Promise<Finding[]> {
  const check = 'receivers of alerts'
  const names = receiverNames(alerts)
  if (names.length === 0) {
    const advice = 'Nobody hears of a regression: `alerts` in the settings names receivers.'
    return [{ check, level: 'warning', found: 'none', advice }]
  }
  const advice = 'Files are looked for from the folder in which Postflight is started.'
  const secrets = (await unreadableAlertSecrets(alerts)).map(
    (found): Finding => ({ check, level: 'problem', found, advice }),
  )
  const waiting = (await listNotifications(store, { state: 'waiting' })).filter(
    ({ createdAt }) => now - Date.parse(createdAt) > LONG,
  )
  if (waiting.length === 0)
    return secrets.length > 0 ? secrets : [{ check, level: 'ok', found: names.join(', '), advice: '' }]
  const late = [...Map.groupBy(waiting, ({ receiver }) => receiver)].map(([receiver, items]): Finding => {
    // Newest first: the last one waits longest.
    const oldest = items.at(-1)
    const minutes = Math.round((now - Date.parse(oldest?.createdAt ?? '')) / MINUTE)
    const gone = names.includes(receiver) ? '' : ', which the settings no longer have'
    return {
      check: `alerts to ${receiver}`,
      level: 'problem',
      found: `${items.length} waiting for ${minutes} min${gone}: ${oldest?.answer || 'no answer yet'}`,
      advice: `\`postflight notify test ${receiver}\` tries it; what waits is sent in order once it takes it.`,
    }
  })
  return [...secrets, ...late]
}
