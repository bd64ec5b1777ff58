// A user's program: the OpenTelemetry SDK for Go, configured by its own environment variables alone.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	ctx := context.Background()
	var spans sdktrace.SpanExporter
	var logs log.Exporter
	var metrics sdkmetric.Exporter
	if os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc" {
		spans = must(otlptracegrpc.New(ctx))
		logs = must(otlploggrpc.New(ctx))
		metrics = must(otlpmetricgrpc.New(ctx))
	} else {
		spans = must(otlptracehttp.New(ctx))
		logs = must(otlploghttp.New(ctx))
		metrics = must(otlpmetrichttp.New(ctx))
	}
	res := must(resource.New(ctx, resource.WithFromEnv()))
	tracers := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(res))
	loggers := log.NewLoggerProvider(log.WithProcessor(log.NewBatchProcessor(logs)), log.WithResource(res))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)), sdkmetric.WithResource(res))

	tracer := tracers.Tracer("shop", trace.WithInstrumentationVersion("1.2.3"))
	inside, parent := tracer.Start(ctx, "GET /cart", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.route", "/cart"), attribute.Int("items", 3), attribute.Bool("ok", true), attribute.Float64("price", 9.5)))
	parent.AddEvent("cache miss", trace.WithAttributes(attribute.String("key", "c1")))
	parent.RecordError(errors.New("no such item"))
	parent.SetStatus(codes.Error, "broken")
	_, child := tracer.Start(inside, "SELECT items", trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(
		trace.Link{SpanContext: parent.SpanContext(), Attributes: []attribute.KeyValue{attribute.String("why", "test")}}))
	child.SetAttributes(attribute.StringSlice("list", []string{"a", "b"}))

	logger := loggers.Logger("shop", otellog.WithInstrumentationVersion("1.2.3"))
	var first otellog.Record
	first.SetTimestamp(time.Now())
	first.SetSeverity(otellog.SeverityError)
	first.SetSeverityText("ERROR")
	first.SetBody(attribute.StringValue("item \U0001F6D2 gone"))
	first.AddAttributes(attribute.String("user.id", "u1"), attribute.Int("count", 7))
	logger.Emit(inside, first)
	var second otellog.Record
	second.SetTimestamp(time.Now().Add(-time.Minute))
	second.SetEventName("order.placed")
	second.SetBody(attribute.MapValue(attribute.Int("order", 12), attribute.Slice("lines", attribute.StringValue("x"), attribute.StringValue("y"))))
	logger.Emit(ctx, second)

	meter := meters.Meter("shop", metric.WithInstrumentationVersion("1.2.3"))
	route := metric.WithAttributes(attribute.String("route", "/cart"))
	must(meter.Int64Counter("orders", metric.WithUnit("{order}"), metric.WithDescription("Orders placed"))).Add(ctx, 5, route)
	must(meter.Int64UpDownCounter("open.carts")).Add(ctx, -2)
	latency := must(meter.Float64Histogram("latency", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(0.1, 1)))
	latency.Record(ctx, 0.25, route)
	latency.Record(ctx, 4, route)
	must(meter.Float64ObservableGauge("queue.length", metric.WithFloat64Callback(
		func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(12.5, metric.WithAttributes(attribute.String("queue", "mail")))
			return nil
		})))

	child.End()
	parent.End()
	check(tracers.Shutdown(ctx))
	check(loggers.Shutdown(ctx))
	check(meters.Shutdown(ctx))
	check(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"traceId":      parent.SpanContext().TraceID().String(),
		"parentSpanId": parent.SpanContext().SpanID().String(),
		"childSpanId":  child.SpanContext().SpanID().String(),
	}))
}
