import type { Catalogue } from '../schemas/signals/catalogue.ts'
import { dashboard, type GeneratedDashboard } from './dashboard.ts'
import { groupPanels, signalPanel } from './signal-panel.ts'
import { VERSION_VARIABLE } from './variables.ts'
import { verdictsTable } from './verdict-panels.ts'

/** What does a release cost the machines? */
export function hosts(catalogue: Catalogue): GeneratedDashboard {
  return dashboard({
    uid: 'postflight-hosts',
    title: 'Postflight: hosts and runtime',
    description:
      'CPU, memory, garbage collection and event loop of the processes; CPU, memory, disks and network below them.',
    from: 'now-24h',
    refresh: '1m',
    variables: [VERSION_VARIABLE],
    sections: [
      {
        title: 'Verdicts',
        panels: [
          verdictsTable(
            'Verdicts on hosts and runtime',
            'Levels before and after a release, and growth with the age of the process.',
            "(startsWith(signal, 'runtime.') OR startsWith(signal, 'host.') OR startsWith(signal, 'container.'))",
          ),
        ],
      },
      {
        title: 'Processes and runtime',
        panels: [
          signalPanel(catalogue, 'runtime.memory', { by: ['version', 'instance'] }),
          ...groupPanels(catalogue, 'runtime'),
        ],
      },
      { title: 'Hosts and containers', panels: groupPanels(catalogue, 'host') },
    ],
  })
}
