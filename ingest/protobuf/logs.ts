import type { Intake } from '../intake.ts'
import { Scrubber } from '../scrub/scrubber.ts'
import { writeScrubbedValue } from '../scrub/write.ts'
import type { LogsBlock } from '../tables/otel-logs.ts'
import { Attributes } from './attributes.ts'
import { writeId } from './ids.ts'
import { type Place, place, ResourceGroup, ScopeGroup } from './scope.ts'
import { Target } from './shared-cells.ts'
import { Wire } from './wire.ts'

/** Bytes of a row beside its texts: times, offsets, numbers of dictionary texts. */
const ROW_BYTES = 96

/** Turns ExportLogsServiceRequest messages into rows of `otel_logs`; made once, holds what one record needs while it is read. */
export class LogsTranscoder {
  private readonly scrubber: Scrubber
  private readonly resource: ResourceGroup
  private readonly scope: ScopeGroup
  private readonly attributes: Attributes
  private readonly severityText: Place = { start: 0, end: 0 }
  private readonly body: Place = { start: 0, end: 0 }
  private readonly traceId: Place = { start: 0, end: 0 }
  private readonly spanId: Place = { start: 0, end: 0 }
  private readonly eventName: Place = { start: 0, end: 0 }

  constructor(scrubber = new Scrubber()) {
    this.scrubber = scrubber
    this.resource = new ResourceGroup(scrubber)
    this.scope = new ScopeGroup(scrubber)
    this.attributes = new Attributes(scrubber)
  }

  /**
   * Appends every log record of `request` that can be read to `block`; the others go to `intake.rejections`.
   * @throws Unreadable if the message as a whole is broken: the caller takes back what was appended
   * @throws TooLarge
   */
  transcode(request: Buffer, block: LogsBlock, intake: Intake): void {
    const target = new Target(block, block.cells)
    const wire = new Wire(request)
    this.scrubber.scan(request)
    while (wire.pos < wire.end) {
      const tag = wire.tag()
      if (tag === 0x0a) {
        const end = wire.limit()
        this.resourceLogs(wire, end, target, intake)
      } else wire.skip(tag)
    }
    this.scrubber.report()
  }

  private resourceLogs(wire: Wire, end: number, target: Target<LogsBlock>, intake: Intake): void {
    this.resource.read(wire, end)
    const outer = wire.end
    wire.end = end
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x12) {
        const scopeEnd = wire.limit()
        this.scopeLogs(wire, scopeEnd, target, intake)
      } else wire.skip(tag)
    }
    wire.end = outer
  }

  private scopeLogs(wire: Wire, end: number, target: Target<LogsBlock>, intake: Intake): void {
    this.scope.read(wire, end)
    const shared = ROW_BYTES + this.resource.attributes.size + this.scope.attributes.size
    const outer = wire.end
    wire.end = end
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag !== 0x12) {
        wire.skip(tag)
        continue
      }
      const start = wire.pos
      const recordEnd = wire.limit()
      const recordStart = wire.pos
      intake.spend(shared + (recordEnd - start))
      target.beginRecord()
      try {
        wire.end = recordEnd
        this.logRecord(wire, recordEnd, target, intake)
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

  private logRecord(wire: Wire, end: number, target: Target<LogsBlock>, intake: Intake): void {
    const { attributes, severityText, body, traceId, spanId, eventName } = this
    const buf = wire.buf
    attributes.clear(buf)
    severityText.start = severityText.end = 0
    body.start = body.end = 0
    traceId.start = traceId.end = 0
    spanId.start = spanId.end = 0
    eventName.start = eventName.end = 0
    let timeLow = 0
    let timeHigh = 0
    let observedLow = 0
    let observedHigh = 0
    let severity = 0
    let flags = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      switch (tag) {
        case 0x09: {
          const at = wire.fixed64()
          timeLow = buf.readUInt32LE(at)
          timeHigh = buf.readUInt32LE(at + 4)
          break
        }
        case 0x10:
          severity = wire.int32()
          break
        case 0x1a:
          place(wire, severityText)
          break
        case 0x2a:
          place(wire, body)
          break
        case 0x32:
          attributes.read(wire, wire.limit())
          break
        case 0x45:
          flags = wire.fixed32()
          break
        case 0x4a:
          place(wire, traceId)
          break
        case 0x52:
          place(wire, spanId)
          break
        case 0x59: {
          const at = wire.fixed64()
          observedLow = buf.readUInt32LE(at)
          observedHigh = buf.readUInt32LE(at + 4)
          break
        }
        case 0x62:
          place(wire, eventName)
          break
        default:
          wire.skip(tag)
      }
    }
    let field = 'time_unix_nano'
    if (timeLow === 0 && timeHigh === 0) {
      field = 'observed_time_unix_nano'
      timeLow = observedLow
      timeHigh = observedHigh
      if (timeLow === 0 && timeHigh === 0) {
        timeLow = intake.nowLow
        timeHigh = intake.nowHigh
        intake.untimed = true
      }
    }
    intake.checkTime(timeLow, timeHigh, field)

    const cells = target.block.cells
    cells.timestamp.data.pushPair(timeLow, timeHigh)
    writeId(cells.traceId.data, buf, traceId, 16, 'trace_id')
    writeId(cells.spanId.data, buf, spanId, 8, 'span_id')
    cells.traceFlags.data.pushByte(flags & 255)
    cells.severityText.push(buf, severityText.start, severityText.end)
    cells.severityNumber.data.pushByte(severity >= 0 && severity < 256 ? severity : 0)
    writeScrubbedValue(cells.body.data, buf, body.start, body.end, this.scrubber)
    attributes.sort()
    cells.logAttributes.push(attributes)
    cells.eventName.data.pushText(buf, eventName.start, eventName.end)

    const { resource, scope } = this
    cells.serviceName.push(resource.serviceName.bytes, resource.serviceNameStart, resource.serviceName.length)
    cells.resourceSchemaUrl.push(buf, resource.schemaUrl.start, resource.schemaUrl.end)
    cells.scopeSchemaUrl.push(buf, scope.schemaUrl.start, scope.schemaUrl.end)
    cells.scopeName.data.pushText(buf, scope.name.start, scope.name.end)
    cells.scopeVersion.push(buf, scope.version.start, scope.version.end)
    target.maps.push(resource, scope)
  }
}
