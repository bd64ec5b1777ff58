import type { DashboardLink } from './grafana.ts'

/** On every dashboard: the others, with the same service and time, and Postflight's own pages. */
export const DASHBOARD_LINKS: readonly DashboardLink[] = [
  {
    type: 'dashboards',
    title: 'Postflight dashboards',
    tooltip: 'The same service and time in another view',
    tags: ['postflight'],
    asDropdown: true,
    includeVars: true,
    keepTime: true,
    targetBlank: false,
    icon: 'external link',
  },
  {
    type: 'link',
    title: 'Postflight',
    tooltip: 'Services, releases and reports',
    url: `\${postflight}/`,
    tags: [],
    asDropdown: false,
    includeVars: false,
    keepTime: false,
    targetBlank: true,
    icon: 'external link',
  },
]

const report = (version: string) => ({
  title: 'Report of this release',
  url: `\${postflight}/releases/\${service:percentencode}/\${${version}}?environment=\${environment:percentencode}`,
  targetBlank: true,
})

/** From a line that has the label `version`. */
export const REPORT_OF_LINE = report('__field.labels.version:percentencode')

/** From a table's row that has the column `version`. */
export const REPORT_OF_ROW = report('__data.fields.version:percentencode')
