import type { Catalogue } from '../schemas/signals/catalogue.ts'
import { signalCells } from './cells-sql.ts'
import { dashboard, type GeneratedDashboard } from './dashboard.ts'
import { column, table } from './panel.ts'
import { groupPanels, signalPanel } from './signal-panel.ts'
import { VERSION_VARIABLE } from './variables.ts'
import { verdictsTable } from './verdict-panels.ts'

/** Which exceptions and log messages came with a release? */
export function exceptions(catalogue: Catalogue): GeneratedDashboard {
  const cells = signalCells(catalogue, catalogue.signal('exceptions.rate'))
  return dashboard({
    uid: 'postflight-exceptions',
    title: 'Postflight: exceptions and logs',
    description: 'Exceptions by fingerprint, and error logs by message.',
    from: 'now-24h',
    refresh: '1m',
    variables: [VERSION_VARIABLE],
    sections: [
      {
        title: 'Verdicts',
        panels: [
          verdictsTable(
            'Verdicts on exceptions and logs',
            'Rates of each fingerprint and message before and after a release.',
            "(startsWith(signal, 'exceptions.') OR startsWith(signal, 'logs.'))",
          ),
        ],
      },
      {
        title: 'Exceptions',
        panels: [
          signalPanel(catalogue, 'exceptions.rate', { by: ['version'] }),
          ...groupPanels(catalogue, 'exceptions'),
          table({
            title: 'Fingerprints',
            description: 'Every exception in the time shown, with the versions that it was seen on.',
            sql: `SELECT dimension AS exception, sum(events) AS count, sum(bads) AS unhandled, min(at) AS first, max(at) AS last,
  arrayStringConcat(arraySort(groupUniqArray(version)), ', ') AS versions
FROM ${cells}
WHERE measure != 'server.request'
GROUP BY exception
ORDER BY count DESC
LIMIT 100`,
            overrides: [column('exception', { 'custom.minWidth': 400 })],
          }),
        ],
      },
      {
        title: 'Logs',
        panels: [...groupPanels(catalogue, 'logs')],
      },
    ],
  })
}
