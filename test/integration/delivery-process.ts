// A process that delivers until it is killed: what happens between two instructions cannot be tried in one that goes on.
import { createDelivery } from '../../analytics/alerts/delivery.ts'
import { receiversOf } from '../../analytics/alerts/receivers/receivers.ts'
import { configSchema } from '../../schemas/config.ts'
import { openStore } from '../../schemas/store/client.ts'

const { store, name, ahead, alerts } = JSON.parse(process.argv[2] ?? '') as {
  store: string
  name: string
  /** Milliseconds that its clock is ahead: nobody waits for leases to end. */
  ahead: number
  alerts: object
}
const config = configSchema.parse({ alerts })
createDelivery({
  store: openStore({ url: store }),
  receivers: receiversOf(config),
  rules: config.alerts,
  publicUrl: 'http://postflight.test',
  clock: () => Date.now() + ahead,
  random: Math.random,
  process: name,
  logger: { info: () => {}, warn: () => {}, error: () => {} },
}).start()
