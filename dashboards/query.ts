import type { QueryFormat, Target } from './grafana.ts'

export const PLUGIN = 'grafana-clickhouse-datasource'

/** What the variable of variables.ts selects. */
export const DATASOURCE = { type: PLUGIN, uid: `\${datasource}` }

// The plugin migrates queries that carry no version as if they came from its version 3.
const PLUGIN_VERSION = '4.11.0'

/** @param refId 'A', 'B' ...: unique in a panel */
export function query(rawSql: string, format: QueryFormat, refId = 'A'): Target {
  return {
    refId,
    datasource: DATASOURCE,
    editorType: 'sql',
    ...(format === 'table' ? { format: 1, queryType: 'table' } : { format: 0, queryType: 'timeseries' }),
    pluginVersion: PLUGIN_VERSION,
    rawSql,
  }
}
