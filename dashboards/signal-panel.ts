import type { Catalogue } from '../schemas/signals/catalogue.ts'
import type { Signal } from '../schemas/signals/signal.ts'
import { REPORT_OF_LINE } from './links.ts'
import { type PlacedLater, timeSeries } from './panel.ts'
import { type Label, signalSeriesSql } from './signal-sql.ts'
import { grafanaUnit } from './unit.ts'

export interface SignalPanelOptions {
  readonly by: readonly Label[]
  readonly quantiles?: readonly number[]
  readonly versions?: string
  readonly width?: number
}

const TOP = 12

/** A signal's own panel: lines by version, or by the dimension that it breaks down by (the busiest ones). */
export function signalPanel(catalogue: Catalogue, id: string, options: SignalPanelOptions): PlacedLater {
  const signal = catalogue.signal(id)
  const byDimension = options.by.includes('dimension')
  const quantiles = signal.kind === 'distribution' ? (options.quantiles ?? [0.95]) : []
  const name = [
    ...options.by.map((label) => `\${__field.labels.${label}}`),
    ...(quantiles.length > 1 ? [`\${__field.name}`] : []),
  ]
  const suffix = [
    quantiles.length === 1 && quantiles[0] !== undefined ? `p${quantiles[0] * 100}` : '',
    options.by.length === 0
      ? ''
      : `by ${options.by.map((label) => (label === 'dimension' ? (signal.dimension ?? label) : label)).join(' and ')}`,
  ].filter((part) => part !== '')
  return timeSeries({
    title: [signal.title, ...suffix].join(', ').replace(', by', ' by'),
    description: describe(signal, byDimension),
    sql: signalSeriesSql(catalogue, signal, {
      by: options.by,
      ...(options.quantiles === undefined ? {} : { quantiles: options.quantiles }),
      ...(options.versions === undefined ? {} : { versions: options.versions }),
      ...(byDimension ? { top: TOP } : {}),
    }),
    unit: grafanaUnit(signal.unit),
    axis: grafanaUnit(signal.unit) === 'short' ? signal.unit.replaceAll(/[{}]/g, '') : '',
    ...(name.length === 0 ? {} : { name: name.join(' ') }),
    ...(signal.kind === 'rate' && byDimension ? { style: 'bars' as const, stack: 'normal' as const } : {}),
    ...(options.by.includes('version') ? { links: [REPORT_OF_LINE] } : {}),
    ...(options.width === undefined ? {} : { width: options.width }),
  })
}

const DIRECTIONS = { up: 'More is worse.', down: 'Less is worse.', both: 'Any change counts.' } as const

function describe(signal: Signal, byDimension: boolean): string {
  const value = {
    rate:
      signal.per === undefined || signal.per === 'minute'
        ? 'Events per minute.'
        : 'Events per request served.',
    ratio: 'Bad ones of all.',
    distribution: 'From log-spaced buckets, at most 2 % off.',
    gauge: 'Mean of the samples.',
  }[signal.kind]
  return [
    `Signal \`${signal.id}\`.`,
    value,
    DIRECTIONS[signal.badDirection],
    `Changes count from x${signal.smallestEffect.ratio} and ${signal.smallestEffect.absolute} (${signal.unit}) on.`,
    ...(byDimension ? [`The ${TOP} with the most events.`] : []),
    "Users' traffic only.",
  ].join(' ')
}

/** One panel for each signal of a group, in the catalogue's order: by dimension where there is one, else by version. */
export function groupPanels(catalogue: Catalogue, group: Signal['group']): PlacedLater[] {
  return catalogue.signals
    .filter((signal) => signal.group === group)
    .map((signal) =>
      signalPanel(catalogue, signal.id, {
        by:
          signal.dimension === undefined
            ? ['version']
            : signal.kind === 'gauge'
              ? ['version', 'dimension']
              : ['dimension'],
      }),
    )
}
