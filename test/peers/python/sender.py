"""A user's program: the OpenTelemetry SDK for Python, configured by its own environment variables alone."""

import json
import os
import time

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.metrics import Observation
from opentelemetry.trace import Link, SpanKind, StatusCode

if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

tracers = TracerProvider()
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
loggers = LoggerProvider()
loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
meters = MeterProvider(metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter())])

tracer = tracers.get_tracer("shop", "1.2.3")
parent = tracer.start_span(
    "GET /cart",
    kind=SpanKind.SERVER,
    attributes={"http.route": "/cart", "items": 3, "ok": True, "price": 9.5},
)
parent.add_event("cache miss", {"key": "c1"})
try:
    raise TypeError("no such item")
except TypeError as error:
    parent.record_exception(error)
parent.set_status(StatusCode.ERROR, "broken")
inside = trace.set_span_in_context(parent)
link = Link(parent.get_span_context(), {"why": "test"})
child = tracer.start_span("SELECT items", inside, SpanKind.CLIENT, links=[link])
child.set_attribute("list", ["a", "b"])

logger = loggers.get_logger("shop", "1.2.3")
now = time.time_ns()
logger.emit(
    LogRecord(
        timestamp=now,
        context=inside,
        severity_number=SeverityNumber.ERROR,
        severity_text="ERROR",
        body="item \U0001f6d2 gone",
        attributes={"user.id": "u1", "count": 7},
    )
)
logger.emit(
    LogRecord(
        timestamp=now - 60_000_000_000,
        body={"order": 12, "lines": ["x", "y"]},
        event_name="order.placed",
    )
)

meter = meters.get_meter("shop", "1.2.3")
meter.create_counter("orders", "{order}", "Orders placed").add(5, {"route": "/cart"})
meter.create_up_down_counter("open.carts").add(-2)
latency = meter.create_histogram("latency", "s", explicit_bucket_boundaries_advisory=[0.1, 1])
latency.record(0.25, {"route": "/cart"})
latency.record(4, {"route": "/cart"})
meter.create_observable_gauge("queue.length", [lambda _: [Observation(12.5, {"queue": "mail"})]])

child.end()
parent.end()
tracers.shutdown()
loggers.shutdown()
meters.shutdown()
used = parent.get_span_context()
print(
    json.dumps(
        {
            "traceId": f"{used.trace_id:032x}",
            "parentSpanId": f"{used.span_id:016x}",
            "childSpanId": f"{child.get_span_context().span_id:016x}",
        }
    )
)
