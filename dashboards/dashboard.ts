import { DEPLOYMENTS } from './annotations.ts'
import type { Annotation, Dashboard, Variable } from './grafana.ts'
import { place, type Section } from './grid.ts'
import { DASHBOARD_LINKS } from './links.ts'
import { SERVICE_VARIABLES, SOURCES } from './variables.ts'

/** Grafana 12.1 and later; older ones ignore what they do not know. */
const SCHEMA_VERSION = 42

export interface DashboardSpec {
  /** Fixed for ever: links and bookmarks hold it. At most 40 characters. */
  readonly uid: string
  readonly title: string
  readonly description: string
  /** Grafana's relative time, such as 'now-24h'. */
  readonly from: string
  readonly refresh: string
  /** After the service and environment. */
  readonly variables: readonly Variable[]
  readonly sections: readonly Section[]
}

export type GeneratedDashboard = Omit<Dashboard, 'annotations'> & {
  uid: string
  title: string
  annotations: { list: Annotation[] }
}

export function dashboard(spec: DashboardSpec): GeneratedDashboard {
  return {
    uid: spec.uid,
    title: spec.title,
    description: spec.description,
    tags: ['postflight'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    // One crosshair over all panels.
    graphTooltip: 1,
    timezone: 'browser',
    time: { from: spec.from, to: 'now' },
    timepicker: { refresh_intervals: ['30s', '1m', '5m', '15m', '1h'] },
    refresh: spec.refresh,
    links: [...DASHBOARD_LINKS],
    templating: { list: [...SOURCES, ...SERVICE_VARIABLES, ...spec.variables] },
    annotations: { list: [DEPLOYMENTS] },
    panels: place(spec.sections),
  }
}
