import type { Catalogue } from '../schemas/signals/catalogue.ts'
import { signalCells } from './cells-sql.ts'
import { dashboard, type GeneratedDashboard } from './dashboard.ts'
import { column, table } from './panel.ts'
import { quantileSql } from './quantile-sql.ts'
import { groupPanels, signalPanel } from './signal-panel.ts'
import { VERSION_VARIABLE } from './variables.ts'
import { verdictsTable } from './verdict-panels.ts'

/** How long do requests take, and which fail? */
export function latency(catalogue: Catalogue): GeneratedDashboard {
  const cells = signalCells(catalogue, catalogue.signal('latency.server'))
  return dashboard({
    uid: 'postflight-latency',
    title: 'Postflight: latency and errors',
    description: 'Response times and failures of requests served and of services called.',
    from: 'now-24h',
    refresh: '1m',
    variables: [VERSION_VARIABLE],
    sections: [
      {
        title: 'Verdicts',
        panels: [
          verdictsTable(
            'Verdicts on latency and errors',
            'By route and by called service.',
            "(startsWith(signal, 'latency.') OR startsWith(signal, 'errors.'))",
          ),
        ],
      },
      {
        title: 'Latency',
        panels: [
          signalPanel(catalogue, 'latency.server', { by: [], quantiles: [0.5, 0.95, 0.99] }),
          ...[0.5, 0.95, 0.99].map((q) =>
            signalPanel(catalogue, 'latency.server', { by: ['version'], quantiles: [q] }),
          ),
          ...groupPanels(catalogue, 'latency'),
          table({
            title: 'Routes',
            description: 'Requests of each route in the time shown.',
            sql: `SELECT dimension AS route, requests, failed, ${[0.5, 0.95, 0.99]
              .map((q) => `${quantileSql('histogram', q)} AS p${q * 100}`)
              .join(', ')}
FROM (
  SELECT dimension, sum(events) AS requests, sum(bads) / sum(events) AS failed, sumMap(buckets) AS histogram
  FROM ${cells}
  GROUP BY dimension
)
ORDER BY requests DESC
LIMIT 100`,
            overrides: [
              column('failed', { unit: 'percentunit' }),
              ...['p50', 'p95', 'p99'].map((name) => column(name, { unit: 's' })),
            ],
          }),
        ],
      },
      {
        title: 'Errors',
        panels: [
          signalPanel(catalogue, 'errors.server', { by: ['version'] }),
          ...groupPanels(catalogue, 'errors'),
        ],
      },
    ],
  })
}
