import { Block } from '../native/block.ts'
import {
  ArrayColumn,
  LowCardinalityColumn,
  MapColumn,
  SharedMapColumn,
  StringColumn,
  WordColumn,
} from '../native/column.ts'
import { Words } from '../native/sink.ts'

/** Columns of `otel_traces`, by the names that code has for them. */
function columns() {
  const events = new Words()
  const links = new Words()
  return {
    timestamp: new WordColumn('Timestamp', 'DateTime64(9)'),
    traceId: new StringColumn('TraceId'),
    spanId: new StringColumn('SpanId'),
    parentSpanId: new StringColumn('ParentSpanId'),
    traceState: new StringColumn('TraceState'),
    spanName: new LowCardinalityColumn('SpanName'),
    spanKind: new LowCardinalityColumn('SpanKind'),
    serviceName: new LowCardinalityColumn('ServiceName'),
    resourceAttributes: new SharedMapColumn('ResourceAttributes'),
    scopeName: new StringColumn('ScopeName'),
    scopeVersion: new StringColumn('ScopeVersion'),
    spanAttributes: new MapColumn('SpanAttributes'),
    duration: new WordColumn('Duration', 'UInt64'),
    statusCode: new LowCardinalityColumn('StatusCode'),
    statusMessage: new StringColumn('StatusMessage'),
    eventsTimestamp: new ArrayColumn(events, new WordColumn('Events.Timestamp', 'DateTime64(9)')),
    eventsName: new ArrayColumn(events, new LowCardinalityColumn('Events.Name')),
    eventsAttributes: new ArrayColumn(events, new MapColumn('Events.Attributes')),
    eventsExceptionKind: new ArrayColumn(events, new LowCardinalityColumn('Events.ExceptionKind')),
    linksTraceId: new ArrayColumn(links, new StringColumn('Links.TraceId')),
    linksSpanId: new ArrayColumn(links, new StringColumn('Links.SpanId')),
    linksTraceState: new ArrayColumn(links, new StringColumn('Links.TraceState')),
    linksAttributes: new ArrayColumn(links, new MapColumn('Links.Attributes')),
  }
}

/** Rows of `otel_traces`. */
export class TracesBlock extends Block {
  readonly cells: ReturnType<typeof columns>

  constructor() {
    const cells = columns()
    super('otel_traces', Object.values(cells))
    this.cells = cells
  }
}
