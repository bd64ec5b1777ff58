import { SERVICE } from './filter-sql.ts'
import type { Variable } from './grafana.ts'
import { PLUGIN } from './query.ts'

const ON_TIME_RANGE = 2
const UNSORTED = 0

function queried(
  name: string,
  label: string,
  description: string,
  sql: string,
  more: Partial<Variable> = {},
): Variable {
  return {
    name,
    label,
    description,
    type: 'query',
    datasource: { type: PLUGIN, uid: `\${datasource}` },
    query: sql,
    refresh: ON_TIME_RANGE,
    sort: UNSORTED,
    multi: false,
    includeAll: false,
    current: { text: '', value: '' },
    options: [],
    ...more,
  }
}

/** Only what was seen in the time shown. */
const SEEN = 'time >= toStartOfHour($__fromTime) AND time <= $__toTime'

const VERSIONS_NEWEST_FIRST = `SELECT version FROM version_1h WHERE ${SERVICE} AND ${SEEN} GROUP BY version ORDER BY min(first_time) DESC`

/** Which data source, and where Postflight's pages are. */
export const SOURCES: readonly Variable[] = [
  {
    name: 'datasource',
    label: 'Data source',
    description: 'The ClickHouse that Postflight writes to.',
    type: 'datasource',
    query: PLUGIN,
    current: { text: 'Postflight', value: 'postflight' },
    options: [],
    refresh: 1,
  },
  {
    name: 'postflight',
    label: 'Postflight',
    description: "Address of Postflight's pages, for the links.",
    type: 'constant',
    query: 'http://127.0.0.1:8080',
    current: { text: 'http://127.0.0.1:8080', value: 'http://127.0.0.1:8080' },
    hide: 2,
    skipUrlSync: true,
  },
]

export const SERVICE_VARIABLES: readonly Variable[] = [
  queried(
    'service',
    'Service',
    'service.name of the telemetry.',
    `SELECT service FROM version_1h WHERE ${SEEN} GROUP BY service ORDER BY service`,
  ),
  queried(
    'environment',
    'Environment',
    'deployment.environment.name of the telemetry.',
    `SELECT environment FROM version_1h WHERE service = \${service:sqlstring} AND ${SEEN} GROUP BY environment ORDER BY sum(count) DESC`,
  ),
]

export const VERSION_VARIABLE: Variable = queried(
  'version',
  'Version',
  'service.version of the telemetry, newest first.',
  VERSIONS_NEWEST_FIRST,
  { multi: true, includeAll: true, current: { text: ['All'], value: ['$__all'] } },
)

/** The newest version, and what it is compared with. */
export const COMPARISON_VARIABLES: readonly Variable[] = [
  queried('after', 'Version', 'The version that is judged.', VERSIONS_NEWEST_FIRST),
  queried(
    'before',
    'Compared with',
    'The version that it is compared with; the first is the one that it replaced.',
    `SELECT version FROM version_1h WHERE ${SERVICE} AND ${SEEN} AND version != \${after:sqlstring} GROUP BY version ORDER BY version = (SELECT any(previous_version) FROM deployments FINAL WHERE ${SERVICE} AND version = \${after:sqlstring}) DESC, min(first_time) DESC`,
  ),
]

export const SIGNAL_VARIABLE: Variable = queried(
  'signal',
  'Signal',
  'A signal of the catalogue that reports have judged.',
  `SELECT signal FROM verdicts FINAL WHERE ${SERVICE} AND $__timeFilter(started_at) GROUP BY signal ORDER BY signal`,
)
