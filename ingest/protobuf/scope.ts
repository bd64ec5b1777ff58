import { nameKubernetesResource } from '../kubernetes-resource.ts'
import { Bytes } from '../native/sink.ts'
import type { Scrubber } from '../scrub/scrubber.ts'
import { Attributes } from './attributes.ts'
import type { Wire } from './wire.ts'

const SERVICE_NAME = Buffer.from('service.name')

/** Where a text is in the request. */
export interface Place {
  start: number
  end: number
}

/** ResourceLogs, ResourceSpans and ResourceMetrics alike: what all their records share. */
export class ResourceGroup {
  readonly attributes: Attributes
  /** `service.name` as text, '' if there is none. */
  readonly serviceName = new Bytes(64)
  readonly schemaUrl: Place = { start: 0, end: 0 }
  /** Changes with every resource, so that blocks know when their remembered row is another's. */
  generation = 0

  constructor(scrubber: Scrubber) {
    this.attributes = new Attributes(scrubber)
  }

  /** Reads all but the scopes of the group at `wire.pos` to `end`; they may stand before or after it. `wire` ends where it began. */
  read(wire: Wire, end: number): void {
    const begin = wire.pos
    const outer = wire.end
    wire.end = end
    this.generation++
    this.attributes.clear(wire.buf)
    this.schemaUrl.start = this.schemaUrl.end = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x0a) {
        // resource
        const resourceEnd = wire.limit()
        wire.end = resourceEnd
        while (wire.pos < resourceEnd) {
          const inner = wire.tag()
          if (inner === 0x0a) this.attributes.read(wire, wire.limit())
          else wire.skip(inner)
        }
        wire.end = end
      } else if (tag === 0x1a) {
        // schema_url
        this.schemaUrl.end = wire.limit()
        this.schemaUrl.start = wire.pos
        wire.pos = this.schemaUrl.end
      } else wire.skip(tag)
    }
    this.attributes.sort()
    nameKubernetesResource(this.attributes)
    this.serviceName.length = 0
    const at = this.attributes.find(SERVICE_NAME)
    if (at >= 0) this.attributes.writeValue(at, this.serviceName)
    else this.serviceName.pushByte(0)
    wire.pos = begin
    wire.end = outer
  }

  /** First byte of the service name's text: its length stands before it. */
  get serviceNameStart(): number {
    let at = 0
    while ((this.serviceName.bytes[at++] as number) > 127) {}
    return at
  }
}

/** ScopeLogs, ScopeSpans and ScopeMetrics alike. */
export class ScopeGroup {
  readonly attributes: Attributes
  readonly name: Place = { start: 0, end: 0 }
  readonly version: Place = { start: 0, end: 0 }
  readonly schemaUrl: Place = { start: 0, end: 0 }
  droppedAttributes = 0
  generation = 0

  constructor(scrubber: Scrubber) {
    this.attributes = new Attributes(scrubber)
  }

  /** Reads all but the records of the group at `wire.pos` to `end`; `wire` ends where it began. */
  read(wire: Wire, end: number): void {
    const begin = wire.pos
    const outer = wire.end
    wire.end = end
    this.generation++
    this.attributes.clear(wire.buf)
    this.name.start = this.name.end = 0
    this.version.start = this.version.end = 0
    this.schemaUrl.start = this.schemaUrl.end = 0
    this.droppedAttributes = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x0a) {
        const scopeEnd = wire.limit()
        wire.end = scopeEnd
        this.readScope(wire, scopeEnd)
        wire.end = end
      } else if (tag === 0x1a) {
        place(wire, this.schemaUrl)
      } else wire.skip(tag)
    }
    this.attributes.sort()
    wire.pos = begin
    wire.end = outer
  }

  private readScope(wire: Wire, end: number): void {
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x0a) place(wire, this.name)
      else if (tag === 0x12) place(wire, this.version)
      else if (tag === 0x1a) this.attributes.read(wire, wire.limit())
      else if (tag === 0x20) {
        wire.varint()
        this.droppedAttributes = wire.low
      } else wire.skip(tag)
    }
  }
}

/** Reads a length and passes over its bytes, whose place it notes. */
export function place(wire: Wire, into: Place): void {
  into.end = wire.limit()
  into.start = wire.pos
  wire.pos = into.end
}
