import { CHOSEN_VERSIONS, SERVICE } from './filter-sql.ts'
import type { FieldConfig } from './grafana.ts'
import { REPORT_OF_ROW } from './links.ts'
import { column, type PlacedLater, stat, table } from './panel.ts'

type Mappings = NonNullable<FieldConfig['mappings']>

const colours = (words: Readonly<Record<string, string>>): Mappings => [
  {
    type: 'value',
    options: Object.fromEntries(
      Object.entries(words).map(([word, color], index) => [word, { color, index }]),
    ),
  },
]

/** Verdict words and deployment states, with the colours of the pages. */
const WORDS = colours({
  regressed: 'red',
  improved: 'green',
  unchanged: 'blue',
  inconclusive: 'text',
})
const STATES = colours({
  regressed: 'red',
  rolled_back: 'orange',
  watching: 'blue',
  healthy: 'green',
  inconclusive: 'text',
  superseded: 'text',
  no_data: 'text',
})

const COLOURED = { type: 'color-text' }

/** The newest report's state. */
export function latestState(): PlacedLater {
  return stat({
    title: 'Newest release',
    description: 'Version and state of the newest deployment that has a report.',
    sql: `SELECT version, state FROM reports FINAL
WHERE ${SERVICE} AND ${CHOSEN_VERSIONS} AND $__timeFilter(started_at)
ORDER BY started_at DESC LIMIT 1`,
    mappings: STATES,
    links: [{ ...REPORT_OF_ROW }],
    width: 8,
  })
}

/** One row a deployment, newest first. */
export function reportsTable(): PlacedLater {
  return table({
    title: 'Releases and their verdicts',
    description:
      'Reports of the deployments in the time shown; a provisional one changes until its watch window closes.',
    sql: `SELECT started_at AS started, version, state, provisional, JSONExtractString(report_json, 'headline') AS headline,
  JSONExtractUInt(report_json, 'counts', 'regressed') AS regressed, JSONExtractUInt(report_json, 'counts', 'improved') AS improved,
  JSONExtractUInt(report_json, 'counts', 'unchanged') AS unchanged, JSONExtractUInt(report_json, 'counts', 'inconclusive') AS inconclusive
FROM reports FINAL
WHERE ${SERVICE} AND ${CHOSEN_VERSIONS} AND $__timeFilter(started_at)
ORDER BY started_at DESC
LIMIT 200`,
    height: 8,
    overrides: [
      column('started', { 'custom.width': 170 }),
      column('version', { links: [REPORT_OF_ROW], 'custom.width': 140 }),
      column('state', { mappings: STATES, 'custom.cellOptions': COLOURED, 'custom.width': 110 }),
      column('headline', { 'custom.minWidth': 300 }),
    ],
  })
}

/** One row a signal and dimension of the chosen versions. @param signals boolean SQL over `signal` */
export function verdictsTable(
  title: string,
  description: string,
  signals: string,
  versions = CHOSEN_VERSIONS,
): PlacedLater {
  return table({
    title,
    description,
    sql: `SELECT version, signal, dimension, word, effect_ratio AS ratio, interval_low AS low, interval_high AS high,
  JSONExtractString(verdict_json, 'intervalOf') AS \`interval of\`, before_value AS before, after_value AS after,
  after_count AS events, p_value AS p, provisional, JSONExtractString(verdict_json, 'summary') AS summary
FROM verdicts FINAL
WHERE ${SERVICE} AND ${versions} AND $__timeFilter(started_at) AND ${signals}
ORDER BY started_at DESC, indexOf(['regressed', 'improved', 'unchanged', 'inconclusive'], toString(word)), p_value
LIMIT 500`,
    overrides: [
      column('version', { links: [REPORT_OF_ROW] }),
      column('word', { mappings: WORDS, 'custom.cellOptions': COLOURED }),
      ...['ratio', 'low', 'high', 'before', 'after', 'p'].map((name) => column(name, { decimals: 3 })),
      column('dimension', { 'custom.minWidth': 200 }),
      column('summary', { 'custom.minWidth': 300 }),
    ],
  })
}
