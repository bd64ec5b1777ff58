import { checkColumnTime, type Intake } from '../intake.ts'
import type { Block } from '../native/block.ts'
import type { Words } from '../native/sink.ts'
import { Scrubber } from '../scrub/scrubber.ts'
import type {
  ExemplarCells,
  ExponentialHistogramBlock,
  GaugeBlock,
  HistogramBlock,
  PointCells,
  SumBlock,
  SummaryBlock,
} from '../tables/otel-metrics.ts'
import { Attributes } from './attributes.ts'
import { writeId } from './ids.ts'
import { type Place, place, ResourceGroup, ScopeGroup } from './scope.ts'
import { Target } from './shared-cells.ts'
import { Unreadable } from './unreadable.ts'
import { BYTES, Wire } from './wire.ts'

/** Bytes of a row beside its texts and buckets. */
const ROW_BYTES = 160
/** More buckets than any instrument has (exponential histograms: 160 by default); each takes 8 bytes where one is enough on the wire. */
const MAX_BUCKETS = 10_000

export interface MetricsBlocks {
  readonly gauge: GaugeBlock
  readonly sum: SumBlock
  readonly histogram: HistogramBlock
  readonly exponentialHistogram: ExponentialHistogramBlock
  readonly summary: SummaryBlock
}

interface MetricsTargets {
  readonly gauge: Target<GaugeBlock>
  readonly sum: Target<SumBlock>
  readonly histogram: Target<HistogramBlock>
  readonly exponentialHistogram: Target<ExponentialHistogramBlock>
  readonly summary: Target<SummaryBlock>
}

/** 64-bit values of one repeated field, as 32-bit halves. */
class Numbers {
  readonly halves: number[] = []

  clear(): void {
    this.halves.length = 0
  }

  get count(): number {
    return this.halves.length / 2
  }

  push(low: number, high: number, field: string): void {
    if (this.count === MAX_BUCKETS) {
      throw new Unreadable('TOO_MANY_BUCKETS', field, `A point has more than ${MAX_BUCKETS} buckets`)
    }
    this.halves.push(low, high)
  }

  writeTo(offsets: Words, data: Words): void {
    for (let i = 0; i < this.halves.length; i += 2)
      data.pushPair(this.halves[i] as number, this.halves[i + 1] as number)
    offsets.pushPair(data.length / 2, 0)
  }
}

/** Turns ExportMetricsServiceRequest messages into rows of the `otel_metrics_*` tables. */
export class MetricsTranscoder {
  private readonly scrubber: Scrubber
  private readonly resource: ResourceGroup
  private readonly scope: ScopeGroup
  private readonly name = newPlace()
  private readonly description = newPlace()
  private readonly unit = newPlace()
  private readonly attributes: Attributes
  private readonly exemplarAttributes: Attributes
  private readonly exemplarTraceId = newPlace()
  private readonly exemplarSpanId = newPlace()
  private readonly counts = new Numbers()
  private readonly moreCounts = new Numbers()
  private readonly bounds = new Numbers()
  private readonly exemplarPlaces: number[] = []
  private readonly packed = new Wire(Buffer.alloc(0))
  private startLow = 0
  private startHigh = 0
  private timeLow = 0
  private timeHigh = 0
  private flags = 0
  /** Of the value being read: a number as a double, or the halves of one. */
  private value = 0
  private countLow = 0
  private countHigh = 0
  private sum = 0
  private min = 0
  private max = 0
  private offset = 0

  constructor(scrubber = new Scrubber()) {
    this.scrubber = scrubber
    this.resource = new ResourceGroup(scrubber)
    this.scope = new ScopeGroup(scrubber)
    this.attributes = new Attributes(scrubber)
    this.exemplarAttributes = new Attributes(scrubber)
  }

  /**
   * Appends every data point of `request` that can be read to its block; the others go to `intake.rejections`.
   * @throws Unreadable if the message as a whole is broken: the caller takes back what was appended
   * @throws TooLarge
   */
  transcode(request: Buffer, blocks: MetricsBlocks, intake: Intake): void {
    const targets: MetricsTargets = {
      gauge: new Target(blocks.gauge, blocks.gauge.point),
      sum: new Target(blocks.sum, blocks.sum.point),
      histogram: new Target(blocks.histogram, blocks.histogram.point),
      exponentialHistogram: new Target(blocks.exponentialHistogram, blocks.exponentialHistogram.point),
      summary: new Target(blocks.summary, blocks.summary.point),
    }
    const wire = new Wire(request)
    this.scrubber.scan(request)
    while (wire.pos < wire.end) {
      const tag = wire.tag()
      if (tag === 0x0a) this.resourceMetrics(wire, wire.limit(), targets, intake)
      else wire.skip(tag)
    }
    this.scrubber.report()
  }

  private resourceMetrics(wire: Wire, end: number, targets: MetricsTargets, intake: Intake): void {
    this.resource.read(wire, end)
    const outer = wire.end
    wire.end = end
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x12) this.scopeMetrics(wire, wire.limit(), targets, intake)
      else wire.skip(tag)
    }
    wire.end = outer
  }

  private scopeMetrics(wire: Wire, end: number, targets: MetricsTargets, intake: Intake): void {
    this.scope.read(wire, end)
    const outer = wire.end
    wire.end = end
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x12) this.metric(wire, wire.limit(), targets, intake)
      else wire.skip(tag)
    }
    wire.end = outer
  }

  private metric(wire: Wire, end: number, targets: MetricsTargets, intake: Intake): void {
    const begin = wire.pos
    const outer = wire.end
    wire.end = end
    for (const each of [this.name, this.description, this.unit]) each.start = each.end = 0
    // The names may stand after the points, and of several kinds of data the last one counts.
    let kind = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x0a) place(wire, this.name)
      else if (tag === 0x12) place(wire, this.description)
      else if (tag === 0x1a) place(wire, this.unit)
      else {
        if (tag === 0x2a || tag === 0x3a || tag === 0x4a || tag === 0x52 || tag === 0x5a) kind = tag
        wire.skip(tag)
      }
    }
    wire.pos = begin
    while (kind !== 0 && wire.pos < end) {
      const tag = wire.tag()
      if (tag !== kind) {
        wire.skip(tag)
        continue
      }
      const dataEnd = wire.limit()
      this.data(wire, dataEnd, kind, targets, intake)
      wire.pos = dataEnd
    }
    wire.end = outer
    wire.pos = end
  }

  /** Gauge, Sum, Histogram, ExponentialHistogram or Summary: the points, and what they share. */
  private data(wire: Wire, end: number, kind: number, targets: MetricsTargets, intake: Intake): void {
    const begin = wire.pos
    const outer = wire.end
    wire.end = end
    let temporality = 0
    let monotonic = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x10) temporality = wire.int32()
      else if (tag === 0x18) {
        wire.varint()
        monotonic = wire.low !== 0 || wire.high !== 0 ? 1 : 0
      } else wire.skip(tag)
    }
    wire.pos = begin
    const shared =
      ROW_BYTES +
      this.resource.attributes.size +
      this.scope.attributes.size +
      (this.description.end - this.description.start)
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag !== 0x0a) {
        wire.skip(tag)
        continue
      }
      const pointEnd = wire.limit()
      const pointStart = wire.pos
      // A bucket count of one byte becomes eight.
      intake.spend(shared + 8 * (pointEnd - pointStart))
      const target = targetOf(targets, kind)
      target.beginRecord()
      try {
        wire.end = pointEnd
        this.clearPoint(wire.buf)
        if (kind === 0x2a) this.gaugePoint(wire, pointEnd, targets.gauge, intake)
        else if (kind === 0x3a) this.sumPoint(wire, pointEnd, targets.sum, intake, temporality, monotonic)
        else if (kind === 0x4a) this.histogramPoint(wire, pointEnd, targets.histogram, intake, temporality)
        else if (kind === 0x52)
          this.exponentialPoint(wire, pointEnd, targets.exponentialHistogram, intake, temporality)
        else this.summaryPoint(wire, pointEnd, targets.summary, intake)
        target.block.rows++
        intake.accepted++
      } catch (error) {
        target.undoRecord()
        intake.reject(error, wire.buf.subarray(pointStart, pointEnd))
      }
      wire.pos = pointEnd
      wire.end = end
    }
    wire.end = outer
  }

  private clearPoint(buf: Buffer): void {
    this.attributes.clear(buf)
    this.exemplarPlaces.length = 0
    this.counts.clear()
    this.moreCounts.clear()
    this.bounds.clear()
    this.startLow = this.startHigh = this.timeLow = this.timeHigh = 0
    this.flags = this.value = this.sum = this.min = this.max = 0
    this.countLow = this.countHigh = 0
  }

  private gaugePoint(wire: Wire, end: number, target: Target<GaugeBlock>, intake: Intake): void {
    this.readNumberPoint(wire, end)
    this.writePoint(wire.buf, target, intake)
    target.block.own.value.data.pushDouble(this.value)
    this.writeExemplars(wire.buf, target.block.exemplars as ExemplarCells)
  }

  private sumPoint(
    wire: Wire,
    end: number,
    target: Target<SumBlock>,
    intake: Intake,
    temporality: number,
    monotonic: number,
  ): void {
    this.readNumberPoint(wire, end)
    this.writePoint(wire.buf, target, intake)
    const own = target.block.own
    own.value.data.pushDouble(this.value)
    own.aggregationTemporality.data.push(temporality)
    own.isMonotonic.data.pushByte(monotonic)
    this.writeExemplars(wire.buf, target.block.exemplars as ExemplarCells)
  }

  private readNumberPoint(wire: Wire, end: number): void {
    const buf = wire.buf
    while (wire.pos < end) {
      const tag = wire.tag()
      switch (tag) {
        case 0x11:
          this.readStart(wire)
          break
        case 0x19:
          this.readTime(wire)
          break
        case 0x21:
          this.value = buf.readDoubleLE(wire.fixed64())
          break
        case 0x2a:
          this.noteExemplar(wire)
          break
        case 0x31:
          this.value = Number(buf.readBigInt64LE(wire.fixed64()))
          break
        case 0x3a:
          this.attributes.read(wire, wire.limit())
          break
        case 0x40:
          wire.varint()
          this.flags = wire.low
          break
        default:
          wire.skip(tag)
      }
    }
  }

  private histogramPoint(
    wire: Wire,
    end: number,
    target: Target<HistogramBlock>,
    intake: Intake,
    temporality: number,
  ): void {
    const buf = wire.buf
    const { counts, bounds } = this
    while (wire.pos < end) {
      const tag = wire.tag()
      switch (tag) {
        case 0x11:
          this.readStart(wire)
          break
        case 0x19:
          this.readTime(wire)
          break
        case 0x21:
          this.readCount(wire)
          break
        case 0x29:
          this.sum = buf.readDoubleLE(wire.fixed64())
          break
        case 0x31: // not packed
        case 0x32:
          readFixed64s(wire, tag, counts, 'bucket_counts')
          break
        case 0x39: // not packed
        case 0x3a:
          readFixed64s(wire, tag, bounds, 'explicit_bounds')
          break
        case 0x42:
          this.noteExemplar(wire)
          break
        case 0x4a:
          this.attributes.read(wire, wire.limit())
          break
        case 0x50:
          wire.varint()
          this.flags = wire.low
          break
        case 0x59:
          this.min = buf.readDoubleLE(wire.fixed64())
          break
        case 0x61:
          this.max = buf.readDoubleLE(wire.fixed64())
          break
        default:
          wire.skip(tag)
      }
    }
    if (counts.count > 0 && counts.count !== bounds.count + 1) {
      throw new Unreadable(
        'BUCKETS_MISMATCH',
        'bucket_counts',
        `${counts.count} bucket counts need ${counts.count - 1} bounds, not ${bounds.count}`,
      )
    }
    this.writePoint(buf, target, intake)
    const own = target.block.own
    own.count.data.pushPair(this.countLow, this.countHigh)
    own.sum.data.pushDouble(this.sum)
    own.min.data.pushDouble(this.min)
    own.max.data.pushDouble(this.max)
    own.aggregationTemporality.data.push(temporality)
    counts.writeTo(own.bucketCounts.offsets, own.bucketCounts.inner.data)
    bounds.writeTo(own.explicitBounds.offsets, own.explicitBounds.inner.data)
    this.writeExemplars(buf, target.block.exemplars as ExemplarCells)
  }

  private exponentialPoint(
    wire: Wire,
    end: number,
    target: Target<ExponentialHistogramBlock>,
    intake: Intake,
    temporality: number,
  ): void {
    const buf = wire.buf
    let scale = 0
    let zeroLow = 0
    let zeroHigh = 0
    let positiveOffset = 0
    let negativeOffset = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      switch (tag) {
        case 0x0a:
          this.attributes.read(wire, wire.limit())
          break
        case 0x11:
          this.readStart(wire)
          break
        case 0x19:
          this.readTime(wire)
          break
        case 0x21:
          this.readCount(wire)
          break
        case 0x29:
          this.sum = buf.readDoubleLE(wire.fixed64())
          break
        case 0x30:
          scale = wire.sint32()
          break
        case 0x39: {
          const at = wire.fixed64()
          zeroLow = buf.readUInt32LE(at)
          zeroHigh = buf.readUInt32LE(at + 4)
          break
        }
        case 0x42:
          this.offset = positiveOffset
          this.readBuckets(wire, wire.limit(), this.counts)
          positiveOffset = this.offset
          break
        case 0x4a:
          this.offset = negativeOffset
          this.readBuckets(wire, wire.limit(), this.moreCounts)
          negativeOffset = this.offset
          break
        case 0x50:
          wire.varint()
          this.flags = wire.low
          break
        case 0x5a:
          this.noteExemplar(wire)
          break
        case 0x61:
          this.min = buf.readDoubleLE(wire.fixed64())
          break
        case 0x69:
          this.max = buf.readDoubleLE(wire.fixed64())
          break
        default:
          wire.skip(tag)
      }
    }
    this.writePoint(buf, target, intake)
    const own = target.block.own
    own.count.data.pushPair(this.countLow, this.countHigh)
    own.sum.data.pushDouble(this.sum)
    own.min.data.pushDouble(this.min)
    own.max.data.pushDouble(this.max)
    own.aggregationTemporality.data.push(temporality)
    own.scale.data.push(scale)
    own.zeroCount.data.pushPair(zeroLow, zeroHigh)
    own.positiveOffset.data.push(positiveOffset)
    this.counts.writeTo(own.positiveBucketCounts.offsets, own.positiveBucketCounts.inner.data)
    own.negativeOffset.data.push(negativeOffset)
    this.moreCounts.writeTo(own.negativeBucketCounts.offsets, own.negativeBucketCounts.inner.data)
    this.writeExemplars(buf, target.block.exemplars as ExemplarCells)
  }

  private summaryPoint(wire: Wire, end: number, target: Target<SummaryBlock>, intake: Intake): void {
    const buf = wire.buf
    const own = target.block.own
    while (wire.pos < end) {
      const tag = wire.tag()
      switch (tag) {
        case 0x11:
          this.readStart(wire)
          break
        case 0x19:
          this.readTime(wire)
          break
        case 0x21:
          this.readCount(wire)
          break
        case 0x29:
          this.sum = buf.readDoubleLE(wire.fixed64())
          break
        case 0x32:
          this.quantile(wire, wire.limit(), own)
          break
        case 0x3a:
          this.attributes.read(wire, wire.limit())
          break
        case 0x40:
          wire.varint()
          this.flags = wire.low
          break
        default:
          wire.skip(tag)
      }
    }
    this.writePoint(buf, target, intake)
    own.count.data.pushPair(this.countLow, this.countHigh)
    own.sum.data.pushDouble(this.sum)
    own.quantile.offsets.pushPair(own.quantile.inner.data.length / 2, 0)
  }

  private quantile(wire: Wire, end: number, own: SummaryBlock['own']): void {
    const outer = wire.end
    wire.end = end
    let quantile = 0
    let value = 0
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x09) quantile = wire.buf.readDoubleLE(wire.fixed64())
      else if (tag === 0x11) value = wire.buf.readDoubleLE(wire.fixed64())
      else wire.skip(tag)
    }
    wire.end = outer
    own.quantile.inner.data.pushDouble(quantile)
    own.value.inner.data.pushDouble(value)
  }

  /** Buckets of an exponential histogram: an offset, and counts as varints. */
  private readBuckets(wire: Wire, end: number, into: Numbers): void {
    const outer = wire.end
    wire.end = end
    while (wire.pos < end) {
      const tag = wire.tag()
      if (tag === 0x08) this.offset = wire.sint32()
      else if (tag === 0x12) {
        const { packed } = this
        packed.buf = wire.buf
        packed.end = wire.limit()
        packed.pos = wire.pos
        wire.pos = packed.end
        while (packed.pos < packed.end) {
          packed.varint()
          into.push(packed.low, packed.high, 'bucket_counts')
        }
      } else if (tag === 0x10) {
        wire.varint()
        into.push(wire.low, wire.high, 'bucket_counts')
      } else wire.skip(tag)
    }
    wire.end = outer
  }

  private readStart(wire: Wire): void {
    const at = wire.fixed64()
    this.startLow = wire.buf.readUInt32LE(at)
    this.startHigh = wire.buf.readUInt32LE(at + 4)
  }

  private readTime(wire: Wire): void {
    const at = wire.fixed64()
    this.timeLow = wire.buf.readUInt32LE(at)
    this.timeHigh = wire.buf.readUInt32LE(at + 4)
  }

  private readCount(wire: Wire): void {
    const at = wire.fixed64()
    this.countLow = wire.buf.readUInt32LE(at)
    this.countHigh = wire.buf.readUInt32LE(at + 4)
  }

  private noteExemplar(wire: Wire): void {
    const end = wire.limit()
    this.exemplarPlaces.push(wire.pos, end)
    wire.pos = end
  }

  /** The columns that points of every kind have. */
  private writePoint(
    buf: Buffer,
    target: Target<Block & { readonly point: PointCells }>,
    intake: Intake,
  ): void {
    intake.checkTime(this.timeLow, this.timeHigh, 'time_unix_nano')
    checkColumnTime(this.startHigh, 'start_time_unix_nano')
    const { resource, scope, attributes, name, description, unit } = this
    const cells = target.block.point
    cells.resourceSchemaUrl.data.pushText(buf, resource.schemaUrl.start, resource.schemaUrl.end)
    cells.scopeName.data.pushText(buf, scope.name.start, scope.name.end)
    cells.scopeVersion.data.pushText(buf, scope.version.start, scope.version.end)
    cells.scopeDroppedAttrCount.data.push(scope.droppedAttributes)
    cells.scopeSchemaUrl.data.pushText(buf, scope.schemaUrl.start, scope.schemaUrl.end)
    cells.serviceName.push(resource.serviceName.bytes, resource.serviceNameStart, resource.serviceName.length)
    cells.metricName.push(buf, name.start, name.end)
    cells.metricDescription.data.pushText(buf, description.start, description.end)
    cells.metricUnit.data.pushText(buf, unit.start, unit.end)
    attributes.sort()
    cells.attributes.push(attributes)
    cells.startTimeUnix.data.pushPair(this.startLow, this.startHigh)
    cells.timeUnix.data.pushPair(this.timeLow, this.timeHigh)
    cells.flags.data.push(this.flags)
    target.maps.push(resource, scope)
  }

  private writeExemplars(buf: Buffer, cells: ExemplarCells): void {
    const places = this.exemplarPlaces
    for (let i = 0; i < places.length; i += 2) {
      this.writeExemplar(new Wire(buf, places[i], places[i + 1]), cells)
    }
    cells.exemplarsTimeUnix.offsets.pushPair(cells.exemplarsTimeUnix.inner.data.length / 2, 0)
  }

  private writeExemplar(wire: Wire, cells: ExemplarCells): void {
    const { exemplarAttributes, exemplarTraceId, exemplarSpanId } = this
    const buf = wire.buf
    exemplarAttributes.clear(buf)
    exemplarTraceId.start = exemplarTraceId.end = 0
    exemplarSpanId.start = exemplarSpanId.end = 0
    let low = 0
    let high = 0
    let value = 0
    while (wire.pos < wire.end) {
      const tag = wire.tag()
      switch (tag) {
        case 0x11: {
          const at = wire.fixed64()
          low = buf.readUInt32LE(at)
          high = buf.readUInt32LE(at + 4)
          break
        }
        case 0x19:
          value = buf.readDoubleLE(wire.fixed64())
          break
        case 0x22:
          place(wire, exemplarSpanId)
          break
        case 0x2a:
          place(wire, exemplarTraceId)
          break
        case 0x31:
          value = Number(buf.readBigInt64LE(wire.fixed64()))
          break
        case 0x3a:
          exemplarAttributes.read(wire, wire.limit())
          break
        default:
          wire.skip(tag)
      }
    }
    checkColumnTime(high, 'exemplars.time_unix_nano')
    exemplarAttributes.sort()
    cells.exemplarsFilteredAttributes.inner.push(exemplarAttributes)
    cells.exemplarsTimeUnix.inner.data.pushPair(low, high)
    cells.exemplarsValue.inner.data.pushDouble(value)
    writeId(cells.exemplarsSpanId.inner.data, buf, exemplarSpanId, 8, 'exemplars.span_id')
    writeId(cells.exemplarsTraceId.inner.data, buf, exemplarTraceId, 16, 'exemplars.trace_id')
  }
}

/** A repeated fixed64 or double, packed or one by one. */
function readFixed64s(wire: Wire, tag: number, into: Numbers, field: string): void {
  const end = (tag & 7) === BYTES ? wire.limit() : wire.pos + 8
  const buf = wire.buf
  while (wire.pos < end) {
    const at = wire.fixed64()
    if (wire.pos > end)
      throw new Unreadable('PROTOBUF_INVALID', field, 'Packed 64-bit values of another length')
    into.push(buf.readUInt32LE(at), buf.readUInt32LE(at + 4), field)
  }
}

function targetOf(targets: MetricsTargets, kind: number): Target<Block> {
  if (kind === 0x2a) return targets.gauge
  if (kind === 0x3a) return targets.sum
  if (kind === 0x4a) return targets.histogram
  if (kind === 0x52) return targets.exponentialHistogram
  return targets.summary
}

function newPlace(): Place {
  return { start: 0, end: 0 }
}
