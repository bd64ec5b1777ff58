import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { createAlerts } from './analytics/alerts/alerts.ts'
import { createDelivery } from './analytics/alerts/delivery.ts'
import { receiversOf } from './analytics/alerts/receivers/receivers.ts'
import { Gates } from './analytics/gate/gates.ts'
import { type Analysis, createAnalysis } from './analytics/jobs/scheduler.ts'
import { createMonitor, type Monitor } from './analytics/monitor/monitor.ts'
import { createAuthenticator, startApi } from './api/server.ts'
import { openDatabase } from './deploy/open-database.ts'
import { reachableUrl } from './deploy/reachable-url.ts'
import type { SelfObservation } from './deploy/self-observation.ts'
import { startCardinality } from './ingest/cardinality/start.ts'
import { startCollectors } from './ingest/collectors/start.ts'
import { openExactlyOnce } from './ingest/exactly-once/exactly-once.ts'
import { connectKafka } from './ingest/kafka/connect.ts'
import { openLogTemplates } from './ingest/log-templates/open.ts'
import { startGrpcReceiver } from './ingest/otlp-grpc/receiver.ts'
import { startReceiver } from './ingest/otlp-http/receiver.ts'
import { Scrubber } from './ingest/scrub/scrubber.ts'
import { readTls } from './ingest/tls.ts'
import { createDirectTransport } from './ingest/transport/direct.ts'
import { createKafkaTransport } from './ingest/transport/kafka.ts'
import type { Transport } from './ingest/transport/transport.ts'
import { unreadableAlertSecrets } from './schemas/alerts.ts'
import type { Config } from './schemas/config.ts'
import type { Deployment } from './schemas/contracts/deployment.ts'
import { PostflightError } from './schemas/errors.ts'
import { buildCatalogue, type Catalogue } from './schemas/signals/catalogue.ts'
import type { Store } from './schemas/store/client.ts'
import { prepareStore } from './schemas/store/prepare.ts'

export interface PostflightOptions {
  readonly config: Config
  readonly logger: Logger
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** What `/metrics` answers with. */
  readonly selfObservation?: SelfObservation
  /** Told of each answer of what may be away for a while. */
  readonly onAnswer?: (by: Needed) => void
}

/** What Postflight needs, and waits for where it is away: ClickHouse, room for rows on the disk, and Kafka. */
export type Needed = 'store' | 'disk' | 'kafka'

export interface Postflight {
  readonly urls: {
    /** API and pages. */
    readonly api: string
    /** OTLP over HTTP, and over gRPC. */
    readonly otlp: string
    readonly otlpGrpc: string
    readonly clickhouse: string
  }
  /** Absolute; null with a ClickHouse server. */
  readonly dataDir: string | null
  readonly store: Store
  readonly analysis: Analysis
  /** Resolves with the reason if the embedded store ends by itself; Postflight is of no use then. */
  readonly broken: Promise<PostflightError>
  /** Takes nothing more in, finishes what was taken, and leaves nothing running. */
  close(): Promise<void>
}

const DAY = 86_400_000
const MINUTE = 60_000

/**
 * Wires everything: store, migrations, receiver, API and pages, analysis, alerts.
 * @throws PostflightError STORE_LOCKED, STORE_UNREACHABLE, PORT_IN_USE, BROKER_UNREACHABLE, KEYS_REQUIRED, SCHEMA_TOO_NEW ...; nothing is left running then
 */
export async function startPostflight(options: PostflightOptions): Promise<Postflight> {
  const { config } = options
  const catalogue = buildCatalogue(config.signals, config.trafficRules)
  // Closed in the opposite order: the doors first, the store last.
  const opened = new AsyncDisposableStack()
  try {
    return await wire(options, catalogue, opened)
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

async function wire(
  { config, logger, clock, selfObservation, onAnswer }: PostflightOptions,
  catalogue: Catalogue,
  opened: AsyncDisposableStack,
): Promise<Postflight> {
  const database = await openDatabase(config, logger, answersOf(onAnswer))
  opened.defer(() => database.close())
  const { store } = database
  const { applied, views, source } = await prepareStore(store, catalogue, config)
  if (applied.length > 0) logger.info({ applied, views: views.length }, 'The schema is up to date')

  const auth = createAuthenticator({ store, config, clock })
  await auth.refuseStartWithoutKey()

  let analysis: Analysis | undefined
  let monitor: Monitor | undefined
  let changed = () => {}
  const api = await startApi({
    store,
    catalogue,
    config,
    clock,
    logger: logger.child({ room: 'api' }),
    authenticator: auth,
    onDeployment: () => {
      analysis
        ?.round()
        .catch((error: unknown) => logger.error({ err: error }, 'A look at the deployments failed'))
      if (config.monitor.enabled)
        monitor?.look().catch((error: unknown) => logger.error({ err: error }, 'The monitor could not look'))
    },
    onAlertChange: () => changed(),
    ...(selfObservation === undefined ? {} : { metricsHandler: selfObservation.metricsHandler }),
  })
  opened.defer(() => api.close())

  const address = publicUrl(config, api.url)
  const delivery = createDelivery({
    store,
    receivers: receiversOf(config),
    rules: config.alerts,
    publicUrl: address,
    clock,
    random: Math.random,
    process: randomUUID(),
    logger: logger.child({ room: 'alerts' }),
  })
  changed = delivery.kick
  for (const problem of await unreadableAlertSecrets(config.alerts)) logger.warn(problem)
  const alerts = createAlerts({
    store,
    settings: config.alerts,
    shadow: config.shadow,
    publicUrl: address,
    clock,
    logger: logger.child({ room: 'alerts' }),
    onChange: delivery.kick,
  })
  const gates = new Gates({ store, config, clock })
  monitor = createMonitor({
    store,
    catalogue,
    config,
    clock,
    publicUrl: address,
    logger: logger.child({ room: 'monitor' }),
    onChange: delivery.kick,
  })
  analysis = createAnalysis({
    store,
    catalogue,
    config,
    clock,
    logger: logger.child({ room: 'analysis' }),
    ...(config.monitor.enabled
      ? { onReport: monitor.onReport, onRound: () => gates.settleOpen() }
      : {
          onReport: alerts.onReport,
          onRound: async (deployments: readonly Deployment[]) => {
            await alerts.onRound(deployments)
            await gates.settleOpen()
          },
        }),
  })
  opened.defer(() => delivery.stop())
  opened.defer(() => analysis.stop())
  opened.defer(() => monitor.stop())

  const transport = await openTransport(
    {
      config,
      logger: logger.child({ room: 'ingest' }),
      clock,
      ...(onAnswer === undefined ? {} : { onAnswer }),
    },
    store,
    opened,
  )
  const doors = {
    host: config.otlp.host,
    transport,
    logger: logger.child({ room: 'ingest' }),
    clock,
    limits: { maxBodyBytes: config.otlp.maxBodyBytes },
    tls: readTls(config.otlp.tls),
    authenticate: (headers: IncomingHttpHeaders) => auth.authenticate(headers, 'ingest'),
  }
  const receiver = await startReceiver({
    ...doors,
    port: config.otlp.port,
    allowedOrigins: config.otlp.corsOrigins,
  }).catch((error: unknown) => {
    throw withHint(error, 'PORT_IN_USE', 'Stop that program, or choose another port: --otlp.port 4319')
  })
  opened.defer(() => receiver.close())
  const grpcReceiver = await startGrpcReceiver({
    ...doors,
    port: config.otlp.grpcPort,
    // Kafka takes requests while the store is away.
    ready: async () => config.kafka.brokers.length > 0 || (await store.query('SELECT 1')).length === 1,
  }).catch((error: unknown) => {
    throw withHint(error, 'PORT_IN_USE', 'Stop that program, or choose another port: --otlp.grpcPort 4319')
  })
  opened.defer(() => grpcReceiver.close())
  const collectors = startCollectors({
    settings: config.collectors,
    store,
    transport,
    logger: logger.child({ room: 'collectors' }),
    clock,
    random: Math.random,
  })
  opened.defer(() => collectors.close())

  const cardinality = startCardinality({
    store,
    catalogue,
    source,
    most: config.cardinality.values,
    mostStreams: config.cardinality.streams,
    mostInstances: config.cardinality.instances,
    maxFutureMinutes: config.otlp.maxFutureMinutes,
    logger: logger.child({ room: 'ingest' }),
    clock,
  })
  opened.defer(() => cardinality.close())

  analysis.start()
  monitor.start()
  delivery.start()
  return {
    urls: {
      api: api.url,
      otlp: receiver.address.url,
      otlpGrpc: grpcReceiver.address.url,
      clickhouse: store.url,
    },
    dataDir: config.clickhouse.url === '' ? resolve(config.dataDir) : null,
    store,
    analysis,
    broken: database.broken,
    close: () => opened.disposeAsync(),
  }
}

/** An answer of the store to an insert of telemetry says that there is room for it, too. */
function answersOf(onAnswer: PostflightOptions['onAnswer']): (stored: boolean) => void {
  return (stored) => {
    onAnswer?.('store')
    if (stored) onAnswer?.('disk')
  }
}

/** The way from the receiver into the store, closed with the rest. @throws PostflightError BROKER_UNREACHABLE */
async function openTransport(
  { config, logger, clock, onAnswer }: PostflightOptions,
  store: Store,
  opened: AsyncDisposableStack,
): Promise<Transport> {
  if (config.kafka.brokers.length === 0) {
    const exactlyOnce =
      config.otlp.repeatMinutes === 0
        ? undefined
        : await openExactlyOnce({
            store,
            folder: join(config.dataDir, 'inserts'),
            window: config.otlp.repeatMinutes * MINUTE,
            clock,
            logger,
          })
    const transport = createDirectTransport({
      store,
      logger,
      clock,
      newToken: randomUUID,
      maxPast: config.otlp.maxPastDays * DAY,
      maxFuture: config.otlp.maxFutureMinutes * MINUTE,
      writer: { maxPendingBytes: config.otlp.maxQueueBytes },
      ...(exactlyOnce === undefined ? {} : { exactlyOnce }),
      scrubber: new Scrubber(config.scrub),
      templates: await openLogTemplates(store),
      exceptions: config.exceptions,
    })
    opened.defer(() => transport.close())
    return transport
  }
  const kafka = await connectKafka({ config, logger, clock, onAnswer: () => onAnswer?.('kafka') })
  opened.defer(() => kafka.close())
  if (config.kafka.consume) {
    const consumer = await kafka.consume(store)
    opened.defer(() => consumer.close())
  }
  return createKafkaTransport(kafka)
}

export interface RunningConsumer {
  /** Address of the store. */
  readonly clickhouse: string
  readonly topics: readonly string[]
  readonly group: string
  /** Resolves with the reason if the embedded store ends by itself. */
  readonly broken: Promise<PostflightError>
  /** Finishes the batches under way. */
  close(): Promise<void>
}

/**
 * Wires a process that only stores what receivers elsewhere have put into Kafka.
 * @throws PostflightError CONFIG_INVALID without brokers, STORE_UNREACHABLE, BROKER_UNREACHABLE, SCHEMA_TOO_NEW ...; nothing is left running then
 */
export async function startConsumer({
  config,
  logger,
  clock,
  onAnswer,
}: PostflightOptions): Promise<RunningConsumer> {
  if (config.kafka.brokers.length === 0) {
    throw new PostflightError('CONFIG_INVALID', 'kafka.brokers: expected host:port of a broker, got none', {
      hint: 'Name the brokers that the receivers use: --kafka.brokers kafka-1:9092',
    })
  }
  const opened = new AsyncDisposableStack()
  try {
    const database = await openDatabase(config, logger, answersOf(onAnswer))
    opened.defer(() => database.close())
    const { store, broken } = database
    await prepareStore(store, buildCatalogue(config.signals, config.trafficRules), config)
    const kafka = await connectKafka({
      config,
      logger: logger.child({ room: 'ingest' }),
      clock,
      onAnswer: () => onAnswer?.('kafka'),
    })
    opened.defer(() => kafka.close())
    const consumer = await kafka.consume(store)
    opened.defer(() => consumer.close())
    return {
      clickhouse: store.url,
      topics: Object.values(kafka.topics.signals),
      group: config.kafka.group,
      broken,
      close: () => opened.disposeAsync(),
    }
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

/** Where people reach the pages. */
function publicUrl(config: Config, listening: string): string {
  if (config.api.publicUrl !== '') return config.api.publicUrl.replace(/\/+$/, '')
  return reachableUrl(listening, config.api.host)
}

/** The same error with a hint that names the setting. */
function withHint(error: unknown, code: PostflightError['code'], hint: string): unknown {
  if (!(error instanceof PostflightError) || error.code !== code) return error
  return new PostflightError(code, error.message, { hint, details: { ...error.details }, cause: error })
}
