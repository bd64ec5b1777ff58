import type {
  FieldConfig,
  GraphFieldConfig,
  LegendOptions,
  Override,
  Panel,
  QueryFormat,
  TooltipOptions,
} from './grafana.ts'
import { DATASOURCE, query } from './query.ts'

/** A panel before it has a place: grid.ts gives `id` and `gridPos`. */
export interface PlacedLater {
  /** Of the 24 columns. */
  readonly width: number
  /** Rows of 30 pixels. */
  readonly height: number
  readonly panel: Panel
}

interface Common {
  readonly title: string
  readonly description: string
  readonly sql: string
  /** Grafana's unit id. */
  readonly unit?: string
  readonly width?: number
  readonly height?: number
  readonly overrides?: readonly Override[]
}

export interface TimeSeriesSpec extends Common {
  /** Text of the legend, such as '${__field.labels.version}'. */
  readonly name?: string
  readonly style?: 'line' | 'bars' | 'points'
  readonly stack?: 'normal' | 'percent'
  readonly axis?: string
  readonly min?: number
  readonly max?: number
  /** Where the line turns orange and red. */
  readonly thresholds?: readonly [warning: number, bad: number]
  readonly links?: readonly object[]
}

/** Lines over time. */
export function timeSeries(spec: TimeSeriesSpec): PlacedLater {
  const style = spec.style ?? 'line'
  const custom: GraphFieldConfig = {
    drawStyle: style,
    lineWidth: style === 'bars' ? 0 : 1,
    fillOpacity: style === 'bars' ? 80 : spec.stack === undefined ? 8 : 40,
    pointSize: style === 'points' ? 8 : 4,
    showPoints: style === 'points' ? 'always' : 'auto',
    axisLabel: spec.axis ?? '',
    axisPlacement: 'auto',
    // An idle hour is a gap, not a straight line over it.
    spanNulls: false,
    stacking: { mode: spec.stack ?? 'none', group: 'A' },
    thresholdsStyle: { mode: spec.thresholds === undefined ? 'off' : 'dashed' },
  }
  const legend: LegendOptions = {
    showLegend: true,
    displayMode: 'table',
    placement: 'bottom',
    calcs: style === 'bars' ? ['sum'] : ['mean', 'max', 'lastNotNull'],
  }
  const tooltip: TooltipOptions = { mode: 'multi', sort: 'desc' }
  const defaults: FieldConfig = {
    color: { mode: 'palette-classic-by-name' },
    unit: spec.unit ?? 'short',
    custom: { ...custom },
    thresholds: thresholds(spec.thresholds),
    ...(spec.name === undefined ? {} : { displayName: spec.name }),
    min: spec.min ?? 0,
    ...(spec.max === undefined ? {} : { max: spec.max }),
    ...(spec.links === undefined ? {} : { links: [...spec.links] }),
  }
  return build('timeseries', spec, 'time series', defaults, { legend, tooltip }, 12, 9)
}

/** One number or word. */
export function stat(
  spec: Common & {
    readonly mappings?: NonNullable<FieldConfig['mappings']>
    readonly thresholds?: readonly [warning: number, bad: number]
    readonly links?: readonly object[]
  },
): PlacedLater {
  const defaults: FieldConfig = {
    color: { mode: 'thresholds' },
    unit: spec.unit ?? 'short',
    thresholds: thresholds(spec.thresholds),
    noValue: 'none',
    ...(spec.mappings === undefined ? {} : { mappings: spec.mappings }),
    ...(spec.links === undefined ? {} : { links: [...spec.links] }),
  }
  const options = {
    reduceOptions: { calcs: ['lastNotNull'], fields: '/.*/', values: false },
    colorMode: 'background',
    graphMode: 'none',
    justifyMode: 'auto',
    textMode: 'auto',
    orientation: 'auto',
  }
  return build('stat', spec, 'table', defaults, options, 6, 4)
}

/** Rows and columns. */
export function table(spec: Common): PlacedLater {
  const defaults: FieldConfig = {
    unit: spec.unit ?? 'none',
    custom: { align: 'auto', cellOptions: { type: 'auto' }, filterable: true },
    noValue: '',
  }
  return build('table', spec, 'table', defaults, { showHeader: true, cellHeight: 'sm' }, 24, 10)
}

/** Properties of one column of a table. @param properties Grafana's field property ids, such as 'unit' or 'custom.width' */
export function column(name: string, properties: Readonly<Record<string, unknown>>): Override {
  return {
    matcher: { id: 'byName', options: name },
    properties: Object.entries(properties).map(([id, value]) => ({ id, value })),
  }
}

function thresholds(steps: readonly [number, number] | undefined): NonNullable<FieldConfig['thresholds']> {
  return {
    mode: 'absolute',
    steps: [
      { color: steps === undefined ? 'text' : 'green', value: null },
      ...(steps === undefined
        ? []
        : [
            { color: 'orange', value: steps[0] },
            { color: 'red', value: steps[1] },
          ]),
    ],
  }
}

function build(
  type: string,
  spec: Common,
  format: QueryFormat,
  defaults: FieldConfig,
  options: Record<string, unknown>,
  width: number,
  height: number,
): PlacedLater {
  return {
    width: spec.width ?? width,
    height: spec.height ?? height,
    panel: {
      type,
      title: spec.title,
      description: spec.description,
      datasource: DATASOURCE,
      // Finer than a cell there is nothing to see; more points than this cost time and are not seen either.
      interval: '1m',
      maxDataPoints: 400,
      fieldConfig: { defaults, overrides: [...(spec.overrides ?? [])] },
      options,
      targets: [query(spec.sql, format)],
    },
  }
}
