import type { Command } from 'commander'
import type { Postflight } from '../../postflight.ts'
import { reachableUrl } from '../reachable-url.ts'
import { type Invocation, newCommand, runs } from './command.ts'
import { type CliContext, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { paintFor } from './paint.ts'
import { startService } from './serve.ts'

export function upCommand(context: CliContext): Command {
  const command = newCommand('up', 'Start Postflight: store, OTLP receiver, analysis, API and pages')
  return runs(context, command, async (invocation) => {
    const began = context.clock()
    const { running: postflight, close } = await startService(context, invocation.config)
    const seconds = (context.clock() - began) / 1000
    if (invocation.json)
      writeJson(context, { ...postflight.urls, dataDir: postflight.dataDir, readySeconds: seconds })
    else context.out.write(screen(invocation, postflight, seconds))
    const broken = await Promise.race([context.stopAsked(), postflight.broken])
    if (!invocation.json && broken === undefined)
      context.out.write('\nStopping: finishing what was taken in ...\n')
    await close()
    if (broken !== undefined) throw broken
    return EXIT.healthy
  })
}

function screen({ context, config }: Invocation, { urls, dataDir }: Postflight, seconds: number): string {
  const paint = paintFor(context)
  const [api, otlp, otlpGrpc] = [
    reachableUrl(urls.api, config.api.host),
    reachableUrl(urls.otlp, config.otlp.host),
    reachableUrl(urls.otlpGrpc, config.otlp.host),
  ]
  const title = (text: string) => paint('bold', text.padEnd(11))
  const key =
    config.auth.required || config.otlp.host !== '127.0.0.1'
      ? '\n             OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer <key>"'
      : ''
  return `
Postflight is ready after ${seconds.toFixed(1)} s.

${title('Look')}${paint('cyan', api)}   (API: ${api}/api/docs/)

${title('Send')}OTLP over HTTP to ${otlp}. For an OpenTelemetry SDK:
             OTEL_EXPORTER_OTLP_ENDPOINT=${otlp}
             OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
             OTEL_SERVICE_NAME=checkout
             OTEL_RESOURCE_ATTRIBUTES=service.version=2.7.0,deployment.environment.name=production${key}
             Over gRPC: OTEL_EXPORTER_OTLP_PROTOCOL=grpc and ${otlpGrpc}

${title('Ask')}npm run postflight -- report checkout@2.7.0

${title('Data')}${dataDir ?? urls.clickhouse}${dataDir === null ? '' : `   (ClickHouse: ${urls.clickhouse})`}

${title('Stop')}Ctrl-C: what was acknowledged stays.
`
}
