import type { Config } from '../config.ts'
import type { Catalogue } from '../signals/catalogue.ts'
import { probeSource, type SourceTable } from '../source/probe.ts'
import type { Store } from './client.ts'
import { type MigrationOutcome, migrate } from './migrate.ts'

export interface PreparedStore extends MigrationOutcome {
  /** The user's own tables, as far as the settings name them. */
  readonly source: readonly SourceTable[]
}

/**
 * Brings the store up to date with program and settings: reads what the user's tables look like, then migrates.
 * @throws PostflightError SOURCE_UNREADABLE before anything is changed, and as `migrate`
 */
export async function prepareStore(
  store: Store,
  catalogue: Catalogue,
  config: Pick<Config, 'clickhouse' | 'retention'>,
): Promise<PreparedStore> {
  const source = await probeSource(store, config.clickhouse.source)
  const { live } = config.clickhouse.source
  return { ...(await migrate(store, catalogue, config.retention, { source, live })), source }
}
