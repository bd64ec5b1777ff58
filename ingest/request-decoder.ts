import type { FingerprintOptions } from './exceptions/fingerprint.ts'
import { ExceptionKinds } from './exceptions/kinds.ts'
import type { Intake, SignalKind } from './intake.ts'
import { jsonToProtobuf } from './json/to-protobuf.ts'
import { LogTemplates } from './log-templates/log-templates.ts'
import type { Block } from './native/block.ts'
import { LogsTranscoder } from './protobuf/logs.ts'
import { type MetricsBlocks, MetricsTranscoder } from './protobuf/metrics.ts'
import { TracesTranscoder } from './protobuf/traces.ts'
import { Scrubber } from './scrub/scrubber.ts'
import { LogTemplateBlock } from './tables/log-template.ts'
import { LogsBlock } from './tables/otel-logs.ts'
import {
  newExponentialHistogramBlock,
  newGaugeBlock,
  newHistogramBlock,
  newSumBlock,
  newSummaryBlock,
} from './tables/otel-metrics.ts'
import { TracesBlock } from './tables/otel-traces.ts'
import type { TelemetryRequest } from './transport/transport.ts'

/** The blocks that a signal's requests fill, in the order that `decode` wants them. */
export const BLOCKS_OF: Readonly<Record<SignalKind, readonly (() => Block)[]>> = {
  logs: [() => new LogsBlock(), () => new LogTemplateBlock()],
  traces: [() => new TracesBlock()],
  metrics: [
    newGaugeBlock,
    newSumBlock,
    newHistogramBlock,
    newExponentialHistogramBlock,
    newSummaryBlock,
  ] as unknown as (() => Block)[],
}

/** Turns requests into rows, without waiting for anything: what a request appends is in the blocks when `decode` returns. */
export class RequestDecoder {
  private readonly logs: LogsTranscoder
  private readonly traces: TracesTranscoder
  private readonly metrics: MetricsTranscoder

  constructor(
    scrubber = new Scrubber(),
    templates = new LogTemplates(),
    exceptions: FingerprintOptions = {},
  ) {
    const kinds = new ExceptionKinds(scrubber, exceptions)
    this.logs = new LogsTranscoder(scrubber, templates, kinds)
    this.traces = new TracesTranscoder(scrubber, kinds)
    this.metrics = new MetricsTranscoder(scrubber)
  }

  /**
   * Appends a request's rows. If it throws, some may be there: the caller takes them back.
   * @param blocks as `BLOCKS_OF` makes them for the request's signal
   * @throws Unreadable if the request as a whole cannot be read
   * @throws TooLarge
   */
  decode(request: TelemetryRequest, blocks: readonly Block[], intake: Intake): void {
    const { signal, contentType } = request
    const body =
      contentType === 'application/json' ? jsonToProtobuf(signal, request.body, intake) : request.body
    if (signal === 'logs')
      this.logs.transcode(body, blocks[0] as LogsBlock, intake, blocks[1] as LogTemplateBlock)
    else if (signal === 'traces') this.traces.transcode(body, blocks[0] as TracesBlock, intake)
    else {
      const [gauge, sum, histogram, exponentialHistogram, summary] = blocks
      const into = { gauge, sum, histogram, exponentialHistogram, summary } as unknown as MetricsBlocks
      this.metrics.transcode(body, into, intake)
    }
  }
}
