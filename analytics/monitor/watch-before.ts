import type { Config } from '../../schemas/config.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { baselineOf } from '../jobs/report.ts'
import { loadCells } from '../queries/cells.ts'
import type { CellSet } from '../queries/series-set.ts'
import { beforeWindow, windowSettings } from '../windows/deployment-windows.ts'
import type { WatchPlan } from './watch-evidence.ts'

export interface WatchOptions {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly config: Config
  readonly publicUrl: string
}

export async function readBefore(
  { store, catalogue, config }: WatchOptions,
  deployment: Deployment,
  previous: Deployment | undefined,
): Promise<{ set: CellSet; baseline: string | null; plan: WatchPlan; window: { from: number; to: number } }> {
  const settings = windowSettings(config.analysis, deployment.environment)
  const startedAt = Date.parse(deployment.startedAt)
  const start = Math.floor(startedAt / 60_000) * 60_000
  const before = beforeWindow(
    start,
    previous === undefined ? undefined : Date.parse(previous.startedAt),
    settings,
  )
  const window = { from: before.from / 1000, to: before.to / 1000 }
  const set = await loadCells(store, catalogue, {
    service: deployment.service,
    environment: deployment.environment,
    ...window,
  })
  const own = config.monitor.services[deployment.service]
  return {
    set,
    window,
    baseline: baselineOf(set, deployment, previous, { before }),
    plan: {
      startedAt: startedAt / 1000,
      minutes: own?.watchMinutes ?? config.monitor.watchMinutes,
      warmUpMinutes: settings.warmUpMinutes,
      alpha: config.monitor.falsePages,
    },
  }
}
