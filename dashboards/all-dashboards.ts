import type { Catalogue } from '../schemas/signals/catalogue.ts'
import type { GeneratedDashboard } from './dashboard.ts'
import { database } from './database.ts'
import { exceptions } from './exceptions.ts'
import { hosts } from './hosts.ts'
import { latency } from './latency.ts'
import { releaseComparison } from './release-comparison.ts'
import { releaseOverview } from './release-overview.ts'
import { trends } from './trends.ts'

/** Every dashboard for the signals of a catalogue. */
export function allDashboards(catalogue: Catalogue): readonly GeneratedDashboard[] {
  return [releaseOverview, releaseComparison, exceptions, latency, database, hosts, trends].map((make) =>
    make(catalogue),
  )
}
