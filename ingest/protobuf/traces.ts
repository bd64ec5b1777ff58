import { ExceptionAttributes } from '../exceptions/attributes.ts'
import { ExceptionKinds } from '../exceptions/kinds.ts'
import { checkColumnTime, type Intake } from '../intake.ts'
import { Scrubber } from '../scrub/scrubber.ts'
import { pushScrubbed, writeScrubbedText } from '../scrub/write.ts'
import type { TracesBlock } from '../tables/otel-traces.ts'
import { Attributes } from './attributes.ts'
import { writeId } from './ids.ts'
import { type Place, place, ResourceGroup, ScopeGroup } from './scope.ts'
import { Target } from './shared-cells.ts'
import { Wire } from './wire.ts'

/** Bytes of a row beside its texts: times, offsets, numbers of dictionary texts. */
const ROW_BYTES = 128

/** SpanKind 0 to 5 in the words of the Collector's exporter; numbers that are not known are ''. */
const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'].map((word) =>
  Buffer.from(word),
)
const STATUSES = ['Unset', 'Ok', 'Error'].map((word) => Buffer.from(word))
const NONE = Buffer.alloc(0)
/** Name of the span event that records one. */
const EXCEPTION = Buffer.from('exception')

/** Turns ExportTraceServiceRequest messages into rows of `otel_traces`. */
export class TracesTranscoder {
  private readonly scrubber: Scrubber
  private readonly resource: ResourceGroup
  private readonly scope: ScopeGroup
  private readonly attributes: Attributes
  private readonly nestedAttributes: Attributes
  private readonly exceptions: ExceptionAttributes
  private readonly traceId = newPlace()
  private readonly spanId = newPlace()
  private readonly parentSpanId = newPlace()
  private readonly traceState = newPlace()
  private readonly name = newPlace()
  private readonly statusMessage = newPlace()
  private readonly nestedName = newPlace()
  private readonly nestedTraceId = newPlace()
  private readonly nestedSpanId = newPlace()
  private statusCode = 0

  constructor(scrubber = new Scrubber(), kinds = new ExceptionKinds(scrubber)) {
    this.scrubber = scrubber
    this.resource = new ResourceGroup(scrubber)
    this.scope = new ScopeGroup(scrubber)
    this.attributes = new Attributes(scrubber)
    this.nestedAttributes = new Attributes(scrubber)
    this.exceptions = new ExceptionAttributes(kinds)
  }

  /**
   * Appends every span of `request` that can be read to `block`; the others go to `intake.rejections`.
   * @throws Unreadable if the message as a whole is broken: the caller takes back what was appended
   * @throws TooLarge
   */
  transcode(request: Buffer, block: TracesBlock, intake: Intake): void {
    const target = new Target(block, block.cells)
    const wire = new Wire(request)
    this.scrubber.scan(request)
    while (wire.pos < wire.end) {
      const tag = wire.tag()
      if (tag === 0x0a) this.resourceSpans(wire, wire.limit(), target, intake)
      else wire.skip(tag)
    }
    this.scrubber.report()
  }

  private resourceSpans(wire: Wire, end: number, target: Target<TracesBlock>, intake: Intake): void {
    this.resource.read(wire, end)
    const outer = wire.end
    wire.end = end
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x12) this.scopeSpans(wire, wire.limit(), target, intake)
      else wire.skip(tag)
    }
    wire.end = outer
  }

  private scopeSpans(wire: Wire, end: number, target: Target<TracesBlock>, intake: Intake): void {
    this.scope.read(wire, end)
    const shared = ROW_BYTES + this.resource.attributes.size
    const outer = wire.end
    wire.end = end
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag !== 0x12) {
        wire.skip(tag)
        continue
      }
      const recordEnd = wire.limit()
      const recordStart = wire.pos
      intake.spend(shared + 2 * (recordEnd - recordStart))
      target.beginRecord()
      try {
        wire.end = recordEnd
        this.span(wire, recordEnd, target, intake)
        target.block.rows++
        intake.accepted++
      } catch (error) {
        target.undoRecord()
        intake.reject(error, wire.buf.subarray(recordStart, recordEnd))
      }
      wire.pos = recordEnd
      wire.end = end
    }
    wire.end = outer
  }

  private span(wire: Wire, end: number, target: Target<TracesBlock>, intake: Intake): void {
    const { attributes, traceId, spanId, parentSpanId, traceState, name } = this
    const cells = target.block.cells
    const buf = wire.buf
    attributes.clear(buf)
    for (const each of [traceId, spanId, parentSpanId, traceState, name, this.statusMessage])
      each.start = each.end = 0
    this.statusCode = 0
    let kind = 0
    let startLow = 0
    let startHigh = 0
    let endLow = 0
    let endHigh = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      switch (tag) {
        case 0x0a:
          place(wire, traceId)
          break
        case 0x12:
          place(wire, spanId)
          break
        case 0x1a:
          place(wire, traceState)
          break
        case 0x22:
          place(wire, parentSpanId)
          break
        case 0x2a:
          place(wire, name)
          break
        case 0x30:
          kind = wire.int32()
          break
        case 0x39: {
          const at = wire.fixed64()
          startLow = buf.readUInt32LE(at)
          startHigh = buf.readUInt32LE(at + 4)
          break
        }
        case 0x41: {
          const at = wire.fixed64()
          endLow = buf.readUInt32LE(at)
          endHigh = buf.readUInt32LE(at + 4)
          break
        }
        case 0x4a:
          attributes.read(wire, wire.limit())
          break
        case 0x5a:
          // Events and links go straight into their columns: their order is their order on the wire.
          this.event(wire, wire.limit(), cells)
          break
        case 0x6a:
          this.link(wire, wire.limit(), cells)
          break
        case 0x7a:
          this.status(wire, wire.limit())
          break
        default:
          wire.skip(tag)
      }
    }
    intake.checkTime(startLow, startHigh, 'start_time_unix_nano')

    cells.timestamp.data.pushPair(startLow, startHigh)
    writeId(cells.traceId.data, buf, traceId, 16, 'trace_id', true)
    writeId(cells.spanId.data, buf, spanId, 8, 'span_id', true)
    writeId(cells.parentSpanId.data, buf, parentSpanId, 8, 'parent_span_id')
    cells.traceState.data.pushText(buf, traceState.start, traceState.end)
    pushScrubbed(cells.spanName, buf, name, this.scrubber)
    cells.spanKind.pushText(KINDS[kind] ?? NONE)
    attributes.sort()
    cells.spanAttributes.push(attributes)
    // A span that ends before it starts (clocks are set back), or has no end, lasted 0.
    if (endHigh < startHigh || (endHigh === startHigh && endLow < startLow))
      cells.duration.data.pushPair(0, 0)
    else {
      const borrow = endLow < startLow ? 1 : 0
      cells.duration.data.pushPair((endLow - startLow) >>> 0, endHigh - startHigh - borrow)
    }
    cells.statusCode.pushText(STATUSES[this.statusCode] ?? NONE)
    writeScrubbedText(cells.statusMessage.data, buf, this.statusMessage, this.scrubber)
    cells.eventsTimestamp.offsets.pushPair(cells.eventsTimestamp.inner.data.length / 2, 0)
    cells.linksTraceId.offsets.pushPair(cells.linksAttributes.inner.offsets.length / 2, 0)

    const { resource, scope } = this
    cells.serviceName.push(resource.serviceName.bytes, resource.serviceNameStart, resource.serviceName.length)
    cells.scopeName.data.pushText(buf, scope.name.start, scope.name.end)
    cells.scopeVersion.data.pushText(buf, scope.version.start, scope.version.end)
    target.maps.push(resource, scope)
  }

  private event(wire: Wire, end: number, cells: TracesBlock['cells']): void {
    const { nestedAttributes, nestedName } = this
    const buf = wire.buf
    const outer = wire.end
    wire.end = end
    nestedAttributes.clear(buf)
    nestedName.start = nestedName.end = 0
    let low = 0
    let high = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x09) {
        const at = wire.fixed64()
        low = buf.readUInt32LE(at)
        high = buf.readUInt32LE(at + 4)
      } else if (tag === 0x12) place(wire, nestedName)
      else if (tag === 0x1a) nestedAttributes.read(wire, wire.limit())
      else wire.skip(tag)
    }
    wire.end = outer
    checkColumnTime(high, 'events.time_unix_nano')
    cells.eventsTimestamp.inner.data.pushPair(low, high)
    cells.eventsName.inner.push(buf, nestedName.start, nestedName.end)
    nestedAttributes.sort()
    cells.eventsAttributes.inner.push(nestedAttributes)
    const isException =
      nestedName.end - nestedName.start === EXCEPTION.length &&
      EXCEPTION.compare(buf, nestedName.start, nestedName.end) === 0
    cells.eventsExceptionKind.inner.pushText(isException ? this.exceptions.kindOf(nestedAttributes) : NONE)
  }

  private link(wire: Wire, end: number, cells: TracesBlock['cells']): void {
    const { nestedAttributes, nestedName, nestedTraceId, nestedSpanId } = this
    const buf = wire.buf
    const outer = wire.end
    wire.end = end
    nestedAttributes.clear(buf)
    for (const each of [nestedName, nestedTraceId, nestedSpanId]) each.start = each.end = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x0a) place(wire, nestedTraceId)
      else if (tag === 0x12) place(wire, nestedSpanId)
      else if (tag === 0x1a) place(wire, nestedName)
      else if (tag === 0x22) nestedAttributes.read(wire, wire.limit())
      else wire.skip(tag)
    }
    wire.end = outer
    writeId(cells.linksTraceId.inner.data, buf, nestedTraceId, 16, 'links.trace_id')
    writeId(cells.linksSpanId.inner.data, buf, nestedSpanId, 8, 'links.span_id')
    cells.linksTraceState.inner.data.pushText(buf, nestedName.start, nestedName.end)
    nestedAttributes.sort()
    cells.linksAttributes.inner.push(nestedAttributes)
  }

  private status(wire: Wire, end: number): void {
    const outer = wire.end
    wire.end = end
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x12) place(wire, this.statusMessage)
      else if (tag === 0x18) this.statusCode = wire.int32()
      else wire.skip(tag)
    }
    wire.end = outer
  }
}

function newPlace(): Place {
  return { start: 0, end: 0 }
}
