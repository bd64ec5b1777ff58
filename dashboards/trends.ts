import type { Catalogue } from '../schemas/signals/catalogue.ts'
import { dashboard, type GeneratedDashboard } from './dashboard.ts'
import { CHOSEN_VERSIONS, SERVICE } from './filter-sql.ts'
import { timeSeries } from './panel.ts'
import { signalPanel } from './signal-panel.ts'
import { SIGNAL_VARIABLE, VERSION_VARIABLE } from './variables.ts'
import { reportsTable, verdictsTable } from './verdict-panels.ts'

const OF_SIGNAL = `${SERVICE} AND ${CHOSEN_VERSIONS} AND $__timeFilter(started_at) AND signal = \${signal:sqlstring} AND dimension = ''`

/** What did months of releases do? */
export function trends(catalogue: Catalogue): GeneratedDashboard {
  return dashboard({
    uid: 'postflight-trends',
    title: 'Postflight: trends',
    description:
      'A signal release by release, verdicts and deployments over weeks, and the long course of the main signals.',
    from: 'now-90d',
    refresh: '1h',
    variables: [VERSION_VARIABLE, SIGNAL_VARIABLE],
    sections: [
      {
        title: 'Release by release',
        panels: [
          timeSeries({
            title: `\${signal} before and after each release`,
            description: 'As the reports measured it, for the service as a whole; one point a release.',
            sql: `SELECT started_at AS time, before_value AS before, after_value AS after
FROM verdicts FINAL
WHERE ${OF_SIGNAL} AND after_value IS NOT NULL
ORDER BY time`,
            style: 'points',
          }),
          timeSeries({
            title: `Effect of each release on \${signal}`,
            description: 'After divided by before, with its confidence interval: 1 is no change.',
            sql: `SELECT started_at AS time, effect_ratio AS ratio, if(of = 'ratio', interval_low, NULL) AS low, if(of = 'ratio', interval_high, NULL) AS high
FROM (
  SELECT started_at, effect_ratio, interval_low, interval_high, JSONExtractString(verdict_json, 'intervalOf') AS of
  FROM verdicts FINAL
  WHERE ${OF_SIGNAL} AND effect_ratio IS NOT NULL
)
ORDER BY time`,
            style: 'points',
            thresholds: [1.1, 1.5],
          }),
          verdictsTable(
            `Verdicts on \${signal}`,
            'Newest release first, by dimension.',
            `signal = \${signal:sqlstring}`,
          ),
        ],
      },
      {
        title: 'Releases',
        panels: [
          timeSeries({
            title: 'Deployments per week by state',
            description: 'Deployments that have a report, by the state it ended in.',
            sql: `SELECT toDateTime(toStartOfWeek(started_at, 1)) AS time, toString(state) AS label, count() AS value
FROM reports FINAL
WHERE ${SERVICE} AND ${CHOSEN_VERSIONS} AND $__timeFilter(started_at)
GROUP BY time, label
ORDER BY time, label`,
            name: `\${__field.labels.label}`,
            style: 'bars',
            stack: 'normal',
          }),
          timeSeries({
            title: 'Verdicts per week by word',
            description: 'Of all signals and dimensions; unchanged ones are left out, they are most.',
            sql: `SELECT toDateTime(toStartOfWeek(started_at, 1)) AS time, toString(word) AS label, count() AS value
FROM verdicts FINAL
WHERE ${SERVICE} AND ${CHOSEN_VERSIONS} AND $__timeFilter(started_at) AND word != 'unchanged'
GROUP BY time, label
ORDER BY time, label`,
            name: `\${__field.labels.label}`,
            style: 'bars',
            stack: 'normal',
          }),
          reportsTable(),
        ],
      },
      {
        title: 'The long course',
        panels: [
          signalPanel(catalogue, 'latency.server', { by: [], quantiles: [0.5, 0.95, 0.99] }),
          signalPanel(catalogue, 'errors.server', { by: [] }),
          signalPanel(catalogue, 'exceptions.rate', { by: [] }),
          signalPanel(catalogue, 'traffic.requests', { by: [] }),
          signalPanel(catalogue, 'db.calls', { by: [] }),
          signalPanel(catalogue, 'runtime.memory', { by: [] }),
        ],
      },
    ],
  })
}
