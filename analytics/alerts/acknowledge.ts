import type { Alert } from '../../schemas/contracts/alert.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Store } from '../../schemas/store/client.ts'
import { listAlerts } from './stored-alerts.ts'

/**
 * Notes that somebody has taken an alert; receivers that know acknowledgement are told.
 * @param now milliseconds
 * @throws PostflightError NOT_FOUND, or INVALID_REQUEST if it is over
 */
export async function acknowledge(store: Store, id: string, by: string, now: number): Promise<Alert> {
  const { items } = await listAlerts(store, { id })
  const [alert] = items
  if (alert === undefined)
    throw new PostflightError('NOT_FOUND', `There is no alert ${id}.`, {
      hint: 'The page /alerts and GET /api/v1/alerts list them.',
    })
  if (alert.status === 'resolved')
    throw new PostflightError('INVALID_REQUEST', `The alert ended at ${alert.endsAt ?? ''}.`, {
      hint: 'Only an alert that fires can be acknowledged.',
    })
  // Who asks twice has it already.
  if (alert.acknowledged?.by === by) return alert
  const at = new Date(now).toISOString()
  await store.insert('alert_acknowledgement', [{ alert_id: id, acknowledged_by: by, acknowledged_at: at }])
  return { ...alert, acknowledged: { by, at } }
}
