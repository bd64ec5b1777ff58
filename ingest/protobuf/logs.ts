import { ExceptionAttributes } from '../exceptions/attributes.ts'
import { ExceptionKinds } from '../exceptions/kinds.ts'
import type { Intake } from '../intake.ts'
import { TEMPLATE_VERSION } from '../log-templates/drain.ts'
import { LogTemplates } from '../log-templates/log-templates.ts'
import { readsLikeError } from '../log-templates/reads-like-error.ts'
import { Scrubber } from '../scrub/scrubber.ts'
import { writeScrubbedValue } from '../scrub/write.ts'
import type { LogTemplateBlock } from '../tables/log-template.ts'
import type { LogsBlock } from '../tables/otel-logs.ts'
import { Attributes } from './attributes.ts'
import { writeId } from './ids.ts'
import { type Place, place, ResourceGroup, ScopeGroup } from './scope.ts'
import { Target } from './shared-cells.ts'
import { Wire } from './wire.ts'

/** Bytes of a row beside its texts: times, offsets, numbers of dictionary texts. */
const ROW_BYTES = 96
/** SeverityNumber from which on a record's kind of line is told. */
const WARN = 13
const NONE = Buffer.alloc(0)

/** Turns ExportLogsServiceRequest messages into rows of `otel_logs`; made once, holds what one record needs while it is read. */
export class LogsTranscoder {
  private readonly scrubber: Scrubber
  private readonly templates: LogTemplates
  private readonly resource: ResourceGroup
  private readonly scope: ScopeGroup
  private readonly attributes: Attributes
  private readonly exceptions: ExceptionAttributes
  private readonly severityText: Place = { start: 0, end: 0 }
  private readonly body: Place = { start: 0, end: 0 }
  private readonly traceId: Place = { start: 0, end: 0 }
  private readonly spanId: Place = { start: 0, end: 0 }
  private readonly eventName: Place = { start: 0, end: 0 }

  constructor(
    scrubber = new Scrubber(),
    templates = new LogTemplates(),
    kinds = new ExceptionKinds(scrubber),
  ) {
    this.scrubber = scrubber
    this.templates = templates
    this.resource = new ResourceGroup(scrubber)
    this.scope = new ScopeGroup(scrubber)
    this.attributes = new Attributes(scrubber)
    this.exceptions = new ExceptionAttributes(kinds)
  }

  /**
   * Appends every log record of `request` that can be read to `block`; the others go to `intake.rejections`.
   * @param templates gets the kinds of lines that are new
   * @throws Unreadable if the message as a whole is broken: the caller takes back what was appended
   * @throws TooLarge
   */
  transcode(request: Buffer, block: LogsBlock, intake: Intake, templates?: LogTemplateBlock): void {
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
    if (templates === undefined) return
    for (const change of this.templates.takeChanges(intake.now)) templates.append(change, TEMPLATE_VERSION)
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
    const bodyAt = cells.body.data.length
    writeScrubbedValue(cells.body.data, buf, body.start, body.end, this.scrubber)
    this.writeTemplate(cells, bodyAt, severity, intake.now)
    attributes.sort()
    cells.logAttributes.push(attributes)
    cells.exceptionKind.pushText(this.exceptions.kindOf(attributes))
    cells.eventName.data.pushText(buf, eventName.start, eventName.end)

    const { resource, scope } = this
    cells.serviceName.push(resource.serviceName.bytes, resource.serviceNameStart, resource.serviceName.length)
    cells.resourceSchemaUrl.push(buf, resource.schemaUrl.start, resource.schemaUrl.end)
    cells.scopeSchemaUrl.push(buf, scope.schemaUrl.start, scope.schemaUrl.end)
    cells.scopeName.data.pushText(buf, scope.name.start, scope.name.end)
    cells.scopeVersion.push(buf, scope.version.start, scope.version.end)
    target.maps.push(resource, scope)
  }

  /** @param bodyAt where the record's body is in its column, so without what was scrubbed */
  private writeTemplate(cells: LogsBlock['cells'], bodyAt: number, severity: number, now: number): void {
    if (severity >= WARN || severity === 0) {
      const { bytes, length } = cells.body.data
      let start = bodyAt
      while ((bytes[start++] as number) > 127) {}
      if (severity !== 0 || readsLikeError(bytes, start, length)) {
        const template = this.templates.templateOf(bytes, start, length, now)
        if (template !== undefined) {
          cells.templateId.data.pushPair(template.idLow, template.idHigh)
          cells.template.pushText(template.nameBytes)
          return
        }
      }
    }
    cells.templateId.data.pushPair(0, 0)
    cells.template.pushText(NONE)
  }
}
