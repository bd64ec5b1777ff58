import type { Catalogue } from '../schemas/signals/catalogue.ts'
import { measureCells } from './cells-sql.ts'
import { dashboard, type GeneratedDashboard } from './dashboard.ts'
import { stat } from './panel.ts'
import { quantileSql } from './quantile-sql.ts'
import { groupPanels, signalPanel } from './signal-panel.ts'
import { instances, otherTraffic, trafficShare } from './traffic-panels.ts'
import { VERSION_VARIABLE } from './variables.ts'
import { latestState, reportsTable, verdictsTable } from './verdict-panels.ts'

const REQUESTS = () => measureCells(['server.request'])

/** How are a service's releases doing? */
export function releaseOverview(catalogue: Catalogue): GeneratedDashboard {
  const custom = groupPanels(catalogue, 'custom')
  return dashboard({
    uid: 'postflight-release-overview',
    title: 'Postflight: release overview',
    description: 'Releases of a service with their verdicts, and the signals that matter most by version.',
    from: 'now-24h',
    refresh: '1m',
    variables: [VERSION_VARIABLE],
    sections: [
      {
        title: 'Now',
        panels: [
          latestState(),
          stat({
            title: 'Requests per minute',
            description: "Users' requests over the time shown.",
            sql: `SELECT sum(events) / greatest(1, ($__toTime - $__fromTime) / 60) AS value FROM ${REQUESTS()}`,
            unit: 'reqpm',
            width: 5,
          }),
          stat({
            title: 'Failed requests',
            description: 'Of the requests in the time shown.',
            sql: `SELECT sum(bads) / nullIf(sum(events), 0) AS value FROM ${REQUESTS()}`,
            unit: 'percentunit',
            thresholds: [0.01, 0.05],
            width: 5,
          }),
          stat({
            title: 'Response time, p95',
            description: 'Of the requests in the time shown.',
            sql: `SELECT ${quantileSql('histogram', 0.95)} AS value FROM (SELECT sumMap(buckets) AS histogram FROM ${REQUESTS()})`,
            unit: 's',
            width: 6,
          }),
        ],
      },
      {
        title: 'Verdicts',
        panels: [
          reportsTable(),
          verdictsTable(
            'What changed',
            'Signals that a release made worse or better, newest release first.',
            "word IN ('regressed', 'improved')",
          ),
        ],
      },
      {
        title: 'Adoption',
        panels: [trafficShare(), instances(), ...groupPanels(catalogue, 'traffic'), otherTraffic()],
      },
      {
        title: 'Signals by version',
        panels: [
          signalPanel(catalogue, 'errors.server', { by: ['version'] }),
          signalPanel(catalogue, 'latency.server', { by: ['version'], quantiles: [0.95] }),
          signalPanel(catalogue, 'exceptions.rate', { by: ['version'] }),
          signalPanel(catalogue, 'logs.error_rate', { by: ['version'] }),
          signalPanel(catalogue, 'db.calls', { by: ['version'] }),
          signalPanel(catalogue, 'runtime.memory', { by: ['version'] }),
        ],
      },
      { title: 'Users', panels: groupPanels(catalogue, 'users') },
      { title: "Users' own signals", panels: custom },
    ],
  })
}
