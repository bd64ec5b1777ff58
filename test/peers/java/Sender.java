import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.Value;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** A user's program: the OpenTelemetry SDK for Java, configured by its own environment variables alone. */
public class Sender {
  public static void main(String[] args) {
    var sdk = AutoConfiguredOpenTelemetrySdk.builder().disableShutdownHook().build().getOpenTelemetrySdk();

    var tracer = sdk.getTracer("shop", "1.2.3");
    var parent = tracer.spanBuilder("GET /cart").setSpanKind(SpanKind.SERVER).startSpan();
    parent.setAttribute("http.route", "/cart").setAttribute("items", 3);
    parent.setAttribute("ok", true).setAttribute("price", 9.5);
    parent.addEvent("cache miss", Attributes.of(AttributeKey.stringKey("key"), "c1"));
    parent.recordException(new IllegalStateException("no such item"));
    parent.setStatus(StatusCode.ERROR, "broken");
    var inside = Context.current().with(parent);
    var child = tracer.spanBuilder("SELECT items").setParent(inside).setSpanKind(SpanKind.CLIENT)
        .addLink(parent.getSpanContext(), Attributes.of(AttributeKey.stringKey("why"), "test")).startSpan();
    child.setAttribute(AttributeKey.stringArrayKey("list"), List.of("a", "b"));

    var logger = sdk.getLogsBridge().loggerBuilder("shop").setInstrumentationVersion("1.2.3").build();
    logger.logRecordBuilder().setContext(inside).setTimestamp(Instant.now())
        .setSeverity(Severity.ERROR).setSeverityText("ERROR").setBody("item \uD83D\uDED2 gone")
        .setAttribute(AttributeKey.stringKey("user.id"), "u1").setAttribute(AttributeKey.longKey("count"), 7L).emit();
    logger.logRecordBuilder().setTimestamp(Instant.now().minusSeconds(60)).setEventName("order.placed")
        .setBody(Value.of(Map.of("order", Value.of(12), "lines", Value.of(Value.of("x"), Value.of("y"))))).emit();

    var meter = sdk.meterBuilder("shop").setInstrumentationVersion("1.2.3").build();
    var route = Attributes.of(AttributeKey.stringKey("route"), "/cart");
    meter.counterBuilder("orders").setUnit("{order}").setDescription("Orders placed").build().add(5, route);
    meter.upDownCounterBuilder("open.carts").build().add(-2);
    var latency = meter.histogramBuilder("latency").setUnit("s")
        .setExplicitBucketBoundariesAdvice(List.of(0.1, 1.0)).build();
    latency.record(0.25, route);
    latency.record(4, route);
    meter.gaugeBuilder("queue.length").buildWithCallback(
        result -> result.record(12.5, Attributes.of(AttributeKey.stringKey("queue"), "mail")));

    child.end();
    parent.end();
    sdk.close();
    var used = parent.getSpanContext();
    System.out.printf("{\"traceId\":\"%s\",\"parentSpanId\":\"%s\",\"childSpanId\":\"%s\"}%n",
        used.getTraceId(), used.getSpanId(), child.getSpanContext().getSpanId());
  }
}
