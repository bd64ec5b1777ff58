import { SERVICE } from './filter-sql.ts'
import type { Annotation } from './grafana.ts'
import { DATASOURCE, query } from './query.ts'

/** Deployments of the shown service and environment: a line, or a band where its end is known. */
export const DEPLOYMENTS: Annotation = {
  name: 'Deployments',
  datasource: DATASOURCE,
  enable: true,
  hide: false,
  iconColor: 'blue',
  target: query(
    `SELECT started_at AS time, coalesce(finished_at, started_at) AS timeEnd, concat(service, ' ', version) AS title,
  concat(if(previous_version = '', 'First deployment', concat('Replaces ', previous_version)), ' in ', environment, ' (', status, ', ', source, ')') AS text,
  arrayStringConcat([toString(version), toString(environment), toString(status)], ',') AS tags
FROM deployments FINAL
WHERE ${SERVICE} AND $__timeFilter(started_at)
ORDER BY time`,
    'table',
    'Deployments',
  ),
}
