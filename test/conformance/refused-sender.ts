import { type DiagLogFunction, diag, logs, metrics, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'

/**
 * A user's program whose telemetry may not be taken: a span, a log record and a metric point, and one more of the first two of 1990 if it is told so. Writes
 * what the SDK says of warnings and errors, as JSON.
 */
const said: string[] = []
const keep: DiagLogFunction = (...words) => void said.push(words.map(String).join(' '))
const ignore: DiagLogFunction = () => {}
const sdk = new NodeSDK({ instrumentations: [] })
diag.setLogger(
  { error: keep, warn: keep, info: ignore, debug: ignore, verbose: ignore },
  { suppressOverrideMessage: true },
)
sdk.start()
const long = 'x'.repeat(Number(process.env['BYTES'] ?? 1))
const times = process.env['WITH_OLD'] === undefined ? [undefined] : [undefined, new Date('1990-01-01')]
for (const timestamp of times) {
  const at = timestamp === undefined ? {} : { timestamp, startTime: timestamp }
  logs.getLogger('shop').emit({ severityNumber: 17, body: `refused ${long}`, ...at })
  trace
    .getTracer('shop')
    .startSpan('GET /cart', { attributes: { long }, ...at })
    .end(timestamp)
}
metrics.getMeter('shop').createCounter('orders').add(5, { long })
await sdk.shutdown().catch((error: unknown) => said.push(String(error)))
process.stdout.write(JSON.stringify(said))
