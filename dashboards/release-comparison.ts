import type { Catalogue } from '../schemas/signals/catalogue.ts'
import type { Signal, SignalKind } from '../schemas/signals/signal.ts'
import { dashboard, type GeneratedDashboard } from './dashboard.ts'
import { COMPARED_VERSIONS } from './filter-sql.ts'
import { column, type PlacedLater, table } from './panel.ts'
import { signalPanel } from './signal-panel.ts'
import { signalComparisonSql } from './signal-sql.ts'
import { COMPARISON_VARIABLES } from './variables.ts'
import { verdictsTable } from './verdict-panels.ts'

const QUANTILES = [0.5, 0.95, 0.99]

/** Two versions of a service side by side. */
export function releaseComparison(catalogue: Catalogue): GeneratedDashboard {
  const versus = { by: ['version'] as const, versions: COMPARED_VERSIONS }
  return dashboard({
    uid: 'postflight-release-comparison',
    title: 'Postflight: release comparison',
    description:
      'Any two versions of a service: what each signal was on one and on the other in the time shown.',
    from: 'now-7d',
    refresh: '5m',
    variables: COMPARISON_VARIABLES,
    sections: [
      {
        title: 'Verdicts',
        panels: [
          verdictsTable(
            'Verdicts on both versions',
            'Plain differences below are not verdicts: these have intervals and know the hour of the day.',
            '1',
            COMPARED_VERSIONS,
          ),
        ],
      },
      {
        title: 'Numbers side by side',
        panels: [
          comparison(catalogue, 'distribution', 'Times and sizes', 'Quantiles over the time shown.'),
          comparison(catalogue, 'ratio', 'Shares', 'Bad ones of all over the time shown.'),
          comparison(catalogue, 'rate', 'Rates', 'Events per request, or per minute with any.'),
          comparison(catalogue, 'gauge', 'Levels', 'Mean of the samples over the time shown.'),
        ],
      },
      {
        title: 'Over time',
        panels: [
          signalPanel(catalogue, 'traffic.requests', versus),
          signalPanel(catalogue, 'errors.server', versus),
          signalPanel(catalogue, 'latency.server', { ...versus, quantiles: [0.5] }),
          signalPanel(catalogue, 'latency.server', { ...versus, quantiles: [0.95] }),
          signalPanel(catalogue, 'latency.server', { ...versus, quantiles: [0.99] }),
          signalPanel(catalogue, 'exceptions.rate', versus),
          signalPanel(catalogue, 'db.calls', versus),
          signalPanel(catalogue, 'db.duration', versus),
        ],
      },
    ],
  })
}

function comparison(catalogue: Catalogue, kind: SignalKind, title: string, description: string): PlacedLater {
  const rows = (signal: Signal) =>
    kind === 'distribution'
      ? QUANTILES.map((q) => signalComparisonSql(catalogue, signal, q))
      : [signalComparisonSql(catalogue, signal)]
  return table({
    title,
    description,
    sql: catalogue.signals
      .filter((signal) => signal.kind === kind)
      .flatMap(rows)
      .join('\nUNION ALL\n'),
    width: 12,
    overrides: [
      column('signal', { 'custom.minWidth': 180 }),
      ...['before', 'after', 'ratio', 'difference'].map((name) => column(name, { decimals: 4 })),
    ],
  })
}
