import { ownFalseAlarms } from '../../analytics/baselines/own-false-alarms.ts'
import type { OwnFalseAlarms } from '../../schemas/contracts/own-false-alarms.ts'
import type { ApiContext } from '../context.ts'

/** May be a minute old: quiet moments come a few a day. */
export async function readOwnFalseAlarms(
  context: Pick<ApiContext, 'store' | 'catalogue' | 'clock' | 'slow'>,
  service: string,
  environment: string,
): Promise<OwnFalseAlarms> {
  return await context.slow.get(`calibration ${JSON.stringify([service, environment])}`, () =>
    ownFalseAlarms(context.store, context.catalogue, { service, environment }, context.clock()),
  )
}
