import { Bytes } from './native/sink.ts'
import type { Attributes } from './protobuf/attributes.ts'

const VERSION = Buffer.from('service.version')
const NAME = Buffer.from('service.name')

/**
 * What says which service and version a pod runs, where its telemetry does not, in the order of OpenTelemetry's conventions for Kubernetes: labels of the
 * pod (as the Collector's k8sattributes names them, now and before, and as themselves), then the workload, or the tag of the image.
 */
const VERSIONS = [
  'k8s.pod.label.app.kubernetes.io/version',
  'k8s.pod.labels.app.kubernetes.io/version',
  'app.kubernetes.io/version',
  'container.image.tags',
  'container.image.tag',
].map((key) => Buffer.from(key))
const NAMES = [
  'k8s.pod.label.app.kubernetes.io/instance',
  'k8s.pod.labels.app.kubernetes.io/instance',
  'k8s.pod.label.app.kubernetes.io/name',
  'k8s.pod.labels.app.kubernetes.io/name',
  'app.kubernetes.io/name',
  'k8s.deployment.name',
  'k8s.statefulset.name',
  'k8s.daemonset.name',
  'k8s.cronjob.name',
].map((key) => Buffer.from(key))
/** A tag that says nothing of the version. */
const MOVING: ReadonlySet<string> = new Set(['latest', 'main', 'master', 'stable', 'edge', ''])
const [A, C, K] = [0x61, 0x63, 0x6b]

/** Gives a resource of Kubernetes its `service.name` and `service.version`, where it has none. */
export function nameKubernetesResource(attributes: Attributes): void {
  const hasVersion = attributes.find(VERSION) >= 0
  const hasName = attributes.find(NAME) >= 0
  if ((hasVersion && hasName) || !isCandidate(attributes)) return
  if (!hasVersion) {
    const version = firstText(attributes, VERSIONS, (text) => !MOVING.has(text))
    if (version !== undefined) attributes.addText(VERSION, Buffer.from(version))
  }
  if (!hasName) {
    const name = firstText(attributes, NAMES, (text) => text !== '')
    if (name !== undefined) attributes.addText(NAME, Buffer.from(name))
  }
}

/** Most resources have nothing of the kind: one look at each first letter. */
function isCandidate({ count, source, keyStart }: Attributes): boolean {
  for (let i = 0; i < count; i++) {
    const first = source[keyStart[i] as number]
    if (first === K || first === C || first === A) return true
  }
  return false
}

function firstText(
  attributes: Attributes,
  keys: readonly Buffer[],
  isGood: (text: string) => boolean,
): string | undefined {
  for (const key of keys) {
    const at = attributes.find(key)
    if (at < 0) continue
    const out = new Bytes(64)
    attributes.writeValue(at, out)
    const text = listed(textOf(out)).find(isGood)
    if (text !== undefined) return text
  }
  return undefined
}

/** The text after its length. */
function textOf({ bytes, length }: Bytes): string {
  let at = 0
  while ((bytes[at++] as number) > 127) {}
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length - at).toString('utf8')
}

/** `container.image.tags` is a list, which is stored as JSON. */
function listed(text: string): readonly string[] {
  if (!text.startsWith('[')) return [text]
  try {
    return (JSON.parse(text) as unknown[]).filter((entry) => typeof entry === 'string')
  } catch {
    return [text]
  }
}
