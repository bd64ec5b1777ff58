"""Prints what Python's Prometheus client exposes in OpenMetrics: every type that it has, with exemplars and creation times."""
import sys
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client.openmetrics.exposition import generate_latest

registry = CollectorRegistry()
counter = Counter('jobs', 'Jobs "done"\nby kind', ['kind'], registry=registry)
counter.labels('a"b\\c\nd').inc(3.5, exemplar={'trace_id': '0af7651916cd43dd8448eb211c80319c'})
counter.labels('é').inc()
histogram = Histogram('took', 'Time taken', ['route'], unit='seconds', registry=registry)
for value in (0.001, 0.2, 0.2, 3, 100):
    histogram.labels('/').observe(value, exemplar={'trace_id': '0af7651916cd43dd8448eb211c80319c', 'span_id': 'b7ad6b7169203331'})
Summary('size', 'Size', unit='bytes', registry=registry).observe(12)
Gauge('level', 'Level', registry=registry).set(float('-inf'))
Info('build', 'Build', registry=registry).info({'version': '1.2.3'})
Enum('state', 'State', states=['on', 'off'], registry=registry).state('off')
sys.stdout.write(generate_latest(registry).decode())
