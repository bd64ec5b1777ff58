import type {
  AnnotationQuery as GrafanaAnnotationQuery,
  Dashboard as GrafanaDashboard,
  DashboardLink as GrafanaDashboardLink,
  FieldConfigSource as GrafanaFieldConfigSource,
  GraphFieldConfig as GrafanaGraphFieldConfig,
  VizLegendOptions as GrafanaLegendOptions,
  Panel as GrafanaPanel,
  RowPanel as GrafanaRowPanel,
  VizTooltipOptions as GrafanaTooltipOptions,
  VariableModel as GrafanaVariableModel,
} from '@grafana/schema'

/** Grafana's own type with each enum as the text that stands in the JSON: the schema is a compile-time check and is never loaded. */
export type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends readonly (infer Element)[]
      ? Plain<Element>[]
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T

export type Dashboard = Plain<GrafanaDashboard>
export type Panel = Plain<GrafanaPanel>
export type RowPanel = Plain<GrafanaRowPanel>
export type FieldConfigSource = Plain<GrafanaFieldConfigSource>
export type FieldConfig = FieldConfigSource['defaults']
export type Override = FieldConfigSource['overrides'][number]
export type GraphFieldConfig = Plain<GrafanaGraphFieldConfig>
export type LegendOptions = Plain<GrafanaLegendOptions>
export type TooltipOptions = Plain<GrafanaTooltipOptions>
export type Variable = Plain<GrafanaVariableModel>
export type DashboardLink = Plain<GrafanaDashboardLink>
/** The ClickHouse data source takes its query where the schema has Grafana's own annotation filter. */
export type Annotation = Omit<Plain<GrafanaAnnotationQuery>, 'target'> & { target: Target }

export type QueryFormat = 'time series' | 'table'

/** A query of the Grafana ClickHouse data source (version 4) written in SQL. */
export interface Target extends Record<string, unknown> {
  refId: string
  datasource: { type: string; uid: string }
  editorType: 'sql'
  /** 0 time series, 1 table: what the plugin's backend reads. */
  format: 0 | 1
  /** The same for its editor. */
  queryType: 'timeseries' | 'table'
  pluginVersion: string
  rawSql: string
}
