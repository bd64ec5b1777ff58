import type { Attributes } from '../metric.ts'
import type { Family } from './exposition.ts'

/** Labels of `target_info` whose attributes have dots in their names (OpenTelemetry's exporters write them so). */
const DOTTED: Readonly<Record<string, string>> = {
  service_name: 'service.name',
  service_namespace: 'service.namespace',
  service_version: 'service.version',
  service_instance_id: 'service.instance.id',
  deployment_environment_name: 'deployment.environment.name',
  deployment_environment: 'deployment.environment',
  host_name: 'host.name',
}
/** `app_build_info{version}`: a label of a metric that says something of the whole target. */
const INFO_REFERENCE = /^([a-zA-Z_:][\w:]*)\{([a-zA-Z_]\w*)\}$/

/** Whose a series is: attributes of its resource by the labels that say them. */
export class ResourceOfLabels {
  readonly #target: Attributes
  /** Resource attribute by the label of the series that gives it. */
  readonly #byLabel = new Map<string, string>()

  /**
   * @param fixed what the settings say of the target
   * @param labels resource attribute -> `label` of each series, or `metric{label}` of the whole target
   */
  constructor(fixed: Attributes, labels: Readonly<Record<string, string>>, families: readonly Family[]) {
    const target: Record<string, string> = { ...fixed, ...targetInfo(families) }
    for (const [attribute, reference] of Object.entries(labels)) {
      const [, metric, label] = INFO_REFERENCE.exec(reference) ?? []
      if (metric === undefined || label === undefined) this.#byLabel.set(reference, attribute)
      else {
        const value = infoLabel(families, metric, label)
        if (value !== undefined) target[attribute] = value
      }
    }
    this.#target = target
  }

  /** Divides a series' labels into its resource's attributes and its own. */
  divide(labels: Attributes): { readonly resource: Attributes; readonly own: Attributes } {
    if (this.#byLabel.size === 0) return { resource: this.#target, own: labels }
    const resource: Record<string, string> = { ...this.#target }
    const own: Record<string, string> = {}
    for (const [name, value] of Object.entries(labels)) {
      const attribute = this.#byLabel.get(name)
      if (attribute === undefined) own[name] = value
      else resource[attribute] = value
    }
    return { resource, own }
  }
}

/** Attributes of the resource that the target itself says (OpenMetrics' `target` info). */
function targetInfo(families: readonly Family[]): Attributes {
  const attributes: Record<string, string> = {}
  for (const family of families) {
    if (family.name !== 'target_info' && !(family.name === 'target' && family.type === 'info')) continue
    for (const sample of family.samples)
      for (const [label, value] of sample.labels) if (value !== '') attributes[DOTTED[label] ?? label] = value
  }
  return attributes
}

function infoLabel(families: readonly Family[], metric: string, label: string): string | undefined {
  for (const { samples } of families) {
    for (const sample of samples) {
      const value = sample.name === metric ? sample.labels.get(label) : undefined
      if (value !== undefined && value !== '') return value
    }
  }
  return undefined
}
