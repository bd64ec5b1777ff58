import { register } from 'node:module'
import { getNodeAutoInstrumentations } from '@opentelemetry/auto-instrumentations-node'
import { NodeSDK } from '@opentelemetry/sdk-node'

// As OpenTelemetry's documentation has it for ES modules: loaded by --import, before anything that is instrumented.
register('import-in-the-middle/hook.mjs', import.meta.url)

// Where telemetry goes, and whose it is, the OTEL_* variables say.
const sdk = new NodeSDK({
  instrumentations: [
    getNodeAutoInstrumentations({
      '@opentelemetry/instrumentation-fs': { enabled: false },
      '@opentelemetry/instrumentation-net': { enabled: false },
      '@opentelemetry/instrumentation-dns': { enabled: false },
      '@opentelemetry/instrumentation-host-metrics': {
        enabled: true,
        metricGroups: ['process.cpu', 'process.memory'],
      },
    }),
  ],
})
sdk.start()

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    // What is still buffered belongs to the last seconds; nobody waits long for it.
    const timeout = setTimeout(() => process.exit(0), 2000)
    const leave = (): void => {
      clearTimeout(timeout)
      process.exit(0)
    }
    sdk.shutdown().then(leave, leave)
  })
}
