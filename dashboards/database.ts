import type { Catalogue } from '../schemas/signals/catalogue.ts'
import { signalCells } from './cells-sql.ts'
import { dashboard, type GeneratedDashboard } from './dashboard.ts'
import { column, table } from './panel.ts'
import { quantileSql } from './quantile-sql.ts'
import { groupPanels, signalPanel } from './signal-panel.ts'
import { VERSION_VARIABLE } from './variables.ts'
import { verdictsTable } from './verdict-panels.ts'

/** What does a release do to the database? */
export function database(catalogue: Catalogue): GeneratedDashboard {
  const cells = signalCells(catalogue, catalogue.signal('db.duration'))
  return dashboard({
    uid: 'postflight-database',
    title: 'Postflight: database',
    description: 'Query times, failures and calls per request by statement; connections, locks and cache.',
    from: 'now-24h',
    refresh: '1m',
    variables: [VERSION_VARIABLE],
    sections: [
      {
        title: 'Verdicts',
        panels: [verdictsTable('Verdicts on the database', 'By statement.', "startsWith(signal, 'db.')")],
      },
      {
        title: 'By version',
        panels: [
          signalPanel(catalogue, 'db.calls', { by: ['version'] }),
          signalPanel(catalogue, 'db.duration', { by: ['version'] }),
        ],
      },
      {
        title: 'Statements, connections, locks and cache',
        panels: [
          ...groupPanels(catalogue, 'database'),
          table({
            title: 'Statements',
            description: 'Calls in the time shown; `time` is all of them together.',
            sql: `SELECT dimension AS statement, calls, failed, time, ${quantileSql('histogram', 0.5)} AS p50, ${quantileSql('histogram', 0.95)} AS p95
FROM (
  SELECT dimension, sum(events) AS calls, sum(bads) / sum(events) AS failed, sum(total) AS time, sumMap(buckets) AS histogram
  FROM ${cells}
  GROUP BY dimension
)
ORDER BY time DESC
LIMIT 100`,
            overrides: [
              column('statement', { 'custom.minWidth': 400 }),
              column('failed', { unit: 'percentunit' }),
              ...['time', 'p50', 'p95'].map((name) => column(name, { unit: 's' })),
            ],
          }),
        ],
      },
    ],
  })
}
