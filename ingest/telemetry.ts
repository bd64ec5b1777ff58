import { metrics, type ObservableCallback } from '@opentelemetry/api'
import type { Rest } from './cardinality/rest.ts'
import type { SignalKind } from './intake.ts'

const meter = metrics.getMeter('postflight')

const requests = meter.createCounter('postflight.ingest.requests', {
  description: 'OTLP requests answered, by signal and HTTP status',
  unit: '{request}',
})
const records = meter.createCounter('postflight.ingest.records', {
  description:
    'Log records, spans and data points by what became of them: stored, or dead_letter with the reason',
  unit: '{record}',
})
const bodyBytes = meter.createCounter('postflight.ingest.bytes', {
  description: 'Bytes of OTLP request bodies after decompression',
  unit: 'By',
})
const replacedTexts = meter.createCounter('postflight.ingest.replaced_texts', {
  description: 'Texts that were not valid UTF-8: U+FFFD stands for what could not be read',
  unit: '{text}',
})
const repeats = meter.createCounter('postflight.ingest.repeats', {
  description: 'Requests that had come before, whole or in part, and were not stored again, by signal',
  unit: '{request}',
})
const scrubbedTexts = meter.createCounter('postflight.ingest.scrubbed', {
  description: 'Personal data and secrets that were replaced before storing, by rule',
  unit: '{text}',
})
const insertSeconds = meter.createHistogram('postflight.ingest.insert.duration', {
  description: 'Time that ClickHouse took for one insert, retries included, by table and outcome',
  unit: 's',
})
const insertRows = meter.createHistogram('postflight.ingest.insert.rows', {
  description: 'Rows of one insert, by table',
  unit: '{row}',
})
const pendingBytes = meter.createUpDownCounter('postflight.ingest.pending.bytes', {
  description: 'Bytes of rows gathered or being inserted, not yet acknowledged',
  unit: 'By',
})

export function requestAnswered(signal: SignalKind | 'none', status: number): void {
  requests.add(1, { signal, status })
}

export function recordsAcknowledged(signal: SignalKind, stored: number, bytes: number): void {
  if (stored > 0) records.add(stored, { signal, outcome: 'stored' })
  bodyBytes.add(bytes, { signal })
}

export function recordsDeadLettered(signal: SignalKind, code: string, count: number): void {
  records.add(count, { signal, outcome: 'dead_letter', code })
}

export function requestRepeated(signal: SignalKind): void {
  repeats.add(1, { signal })
}

export function textsReplaced(table: string, count: number): void {
  if (count > 0) replacedTexts.add(count, { table })
}

const logTemplates = meter.createCounter('postflight.ingest.log_templates', {
  description:
    'Kinds of log lines: new, changed (became more general), or lines that went to <other> because there were too many new ones',
  unit: '{template}',
})

export function templatesNoted(outcome: 'new' | 'changed' | 'too_many'): void {
  logTemplates.add(1, { outcome })
}

export function textsScrubbed(rule: string, count: number): void {
  scrubbedTexts.add(count, { rule })
}

export function blockInserted(
  table: string,
  outcome: 'ok' | 'failed',
  rows: number,
  milliseconds: number,
): void {
  insertSeconds.record(milliseconds / 1000, { table, outcome })
  insertRows.record(rows, { table })
}

export function pendingChanged(bytes: number): void {
  pendingBytes.add(bytes)
}

const kafkaMessages = meter.createCounter('postflight.kafka.messages', {
  description:
    'Requests read from Kafka, by what became of them: stored, repeat (stored before) or dead_letter',
  unit: '{message}',
})
const kafkaLag = meter.createObservableGauge('postflight.kafka.lag', {
  description: 'Messages of a partition that are not stored yet',
  unit: '{message}',
})
const kafkaHeld = meter.createUpDownCounter('postflight.kafka.held', {
  description: 'Partitions whose batch waits because ClickHouse does not take it',
  unit: '{partition}',
})

export function kafkaMessagesRead(
  topic: string,
  outcome: 'stored' | 'repeat' | 'dead_letter',
  count: number,
): void {
  if (count > 0) kafkaMessages.add(count, { topic, outcome })
}

/** Shows the lag that `source` knows, until the function that it returns is called. */
export function showKafkaLag(
  source: () => Iterable<{ topic: string; partition: number; messages: number }>,
): () => void {
  const observe: ObservableCallback = (result) => {
    for (const { topic, partition, messages } of source()) result.observe(messages, { topic, partition })
  }
  kafkaLag.addCallback(observe)
  return () => kafkaLag.removeCallback(observe)
}

export function kafkaPartitionHeld(topic: string, change: 1 | -1): void {
  kafkaHeld.add(change, { topic })
}

const collectorUp = meter.createGauge('postflight.collector.up', {
  description: 'Whether a target could be read at its last round: 1 or 0',
  unit: '1',
})
const collectorSeconds = meter.createHistogram('postflight.collector.duration', {
  description: 'Time that a round of a collector took, storing included',
  unit: 's',
})
const collectorPoints = meter.createCounter('postflight.collector.points', {
  description: 'Points that collectors have read',
  unit: '{point}',
})

export function collectorRound(of: {
  kind: string
  target: string
  up: boolean
  points: number
  seconds: number
}): void {
  const about = { kind: of.kind, target: of.target }
  collectorUp.record(of.up ? 1 : 0, about)
  collectorSeconds.record(of.seconds, about)
  collectorPoints.add(of.points, about)
}

const restValues = meter.createGauge('postflight.ingest.dimension_rest.values', {
  description:
    'Values of a dimension that are put together as (other), in the minutes before a look, by service and measure',
  unit: '{value}',
})
const restRecords = meter.createGauge('postflight.ingest.dimension_rest.records', {
  description:
    'Records of values that are put together as (other), in the minutes before a look, by service and measure',
  unit: '{record}',
})

const leftOutStreams = meter.createGauge('postflight.ingest.stream_rest.streams', {
  description:
    'Streams of a cumulative metric that are not kept, in the minutes before a look, by service and measure',
  unit: '{stream}',
})
const leftOutRecords = meter.createGauge('postflight.ingest.stream_rest.records', {
  description: 'Points of streams that are not kept, in the minutes before a look, by service and measure',
  unit: '{record}',
})

const restInstances = meter.createGauge('postflight.ingest.instance_rest.instances', {
  description:
    'Instances of a version that are put together as (other), in the minutes before a look, by service, environment and version',
  unit: '{instance}',
})
const restInstanceRecords = meter.createGauge('postflight.ingest.instance_rest.records', {
  description:
    'Records of instances that are put together as (other), in the minutes before a look, by service, environment and version',
  unit: '{record}',
})

/** What is not told apart, or not kept, as of a look. */
export function restSeen(rest: Rest): void {
  const { service, environment, version, measure, streams, values, records } = rest
  if (environment !== undefined && version !== undefined) {
    const fleet = { service, environment, version }
    restInstances.record(values, fleet)
    restInstanceRecords.record(records, fleet)
    return
  }
  const about = { service, measure }
  const [notKept, theirRecords] = streams ? [leftOutStreams, leftOutRecords] : [restValues, restRecords]
  notKept.record(values, about)
  theirRecords.record(records, about)
}
