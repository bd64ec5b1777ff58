import { Block } from '../native/block.ts'
import {
  ByteColumn,
  LowCardinalityColumn,
  MapColumn,
  SharedMapColumn,
  StringColumn,
  WordColumn,
} from '../native/column.ts'

/** Columns of `otel_logs`, by the names that code has for them. */
function columns() {
  return {
    timestamp: new WordColumn('Timestamp', 'DateTime64(9)'),
    traceId: new StringColumn('TraceId'),
    spanId: new StringColumn('SpanId'),
    traceFlags: new ByteColumn('TraceFlags', 'UInt8'),
    severityText: new LowCardinalityColumn('SeverityText'),
    severityNumber: new ByteColumn('SeverityNumber', 'UInt8'),
    serviceName: new LowCardinalityColumn('ServiceName'),
    body: new StringColumn('Body'),
    resourceSchemaUrl: new LowCardinalityColumn('ResourceSchemaUrl'),
    resourceAttributes: new SharedMapColumn('ResourceAttributes'),
    scopeSchemaUrl: new LowCardinalityColumn('ScopeSchemaUrl'),
    scopeName: new StringColumn('ScopeName'),
    scopeVersion: new LowCardinalityColumn('ScopeVersion'),
    scopeAttributes: new SharedMapColumn('ScopeAttributes'),
    logAttributes: new MapColumn('LogAttributes'),
    eventName: new StringColumn('EventName'),
    templateId: new WordColumn('TemplateId', 'UInt64'),
    template: new LowCardinalityColumn('Template'),
    exceptionKind: new LowCardinalityColumn('ExceptionKind'),
  }
}

/** Rows of `otel_logs`. */
export class LogsBlock extends Block {
  readonly cells: ReturnType<typeof columns>

  constructor() {
    const cells = columns()
    super('otel_logs', Object.values(cells))
    this.cells = cells
  }
}
