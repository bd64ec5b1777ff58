import { measureCells, STEP_MINUTES } from './cells-sql.ts'
import { stepStart } from './filter-sql.ts'
import { REPORT_OF_LINE } from './links.ts'
import { type PlacedLater, timeSeries } from './panel.ts'

const VERSION = `\${__field.labels.version}`

export function trafficShare(): PlacedLater {
  return timeSeries({
    title: 'Share of traffic by version',
    description: "Users' requests of each version of all of the chosen ones: how a roll-out goes.",
    sql: `SELECT time, version, hits / sum(hits) OVER (PARTITION BY time) AS value
FROM (
  SELECT ${stepStart('at')} AS time, version, sum(events) AS hits
  FROM ${measureCells(['server.request'])}
  GROUP BY time, version
)
ORDER BY time, version`,
    unit: 'percentunit',
    name: VERSION,
    stack: 'normal',
    max: 1,
    links: [REPORT_OF_LINE],
  })
}

export function instances(): PlacedLater {
  return timeSeries({
    title: 'Instances by version',
    description:
      'Different service.instance.id (else host.name) that served requests: a new version that restarts shows here. Those beyond cardinality.instances are one, (other).',
    sql: `SELECT ${stepStart('at')} AS time, version, uniqExact(instance) AS value
FROM ${measureCells(['server.request'])}
GROUP BY time, version
ORDER BY time, version`,
    name: VERSION,
    links: [REPORT_OF_LINE],
  })
}

/** Requests that no verdict reads, by kind. */
export function otherTraffic(): PlacedLater {
  return timeSeries({
    title: 'Requests by kind of traffic',
    description: "Only users' requests are judged; health checks, bots and load tests are counted here.",
    sql: `SELECT ${stepStart('at')} AS time, traffic, sum(events) / ${STEP_MINUTES} AS value
FROM ${measureCells(['server.request'], { allTraffic: true })}
GROUP BY time, traffic
ORDER BY time, traffic`,
    unit: 'reqpm',
    name: `\${__field.labels.traffic}`,
    stack: 'normal',
  })
}
