import { z } from 'zod'
import { alertsSchema, SECRET_ALERTS } from './alerts.ts'
import { collectorsSchema, SECRET_COLLECTORS } from './collectors.ts'
import { gateSchema, shadowSchema } from './gate.ts'
import { monitorSchema } from './monitor.ts'
import { noticesSchema } from './notices.ts'
import { scrubSchema } from './scrub.ts'
import { customSignalSchema } from './signals/custom.ts'
import { SOURCES } from './signals/measure.ts'

const port = z.coerce.number().int().min(0).max(65535)
const host = z.string().min(1)
const days = z.coerce.number().int().min(1).max(36500)
const minutes = z.coerce.number().min(1)
const url = z.url({ protocol: /^https?$/ })
/** Environment variables and flags are text. */
const flag = z.union([z.boolean(), z.stringbool()])

/**
 * Every setting of Postflight, once: unit and default here, read once at start (config-load.ts) and passed in.
 * The environment variable of `a.bC` is `POSTFLIGHT_A_B_C`; the flag is `--a.bC`.
 */
export const configSchema = z
  .strictObject({
    /** Folder of the embedded store and of what else is kept. */
    dataDir: z.string().min(1).default('.postflight'),
    logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    clickhouse: z
      .strictObject({
        /** Address of a ClickHouse server; empty: the embedded store. */
        url: z.union([z.literal(''), url]).default(''),
        user: z.string().default('default'),
        password: z.string().default(''),
        database: z.string().regex(/^\w+$/).default('default'),
        /** Port of the embedded store's HTTP interface. */
        port: port.default(8123),
        /** Bytes that the embedded engine may use. */
        memoryLimit: z.coerce
          .number()
          .int()
          .min(256 * 2 ** 20)
          .default(1.5 * 2 ** 30),
        /** Telemetry tables that another program fills, such as the Collector's ClickHouse exporter: read where they are, never altered. */
        source: z
          .strictObject({
            /** Their database; empty: none are read. */
            database: z.string().regex(/^\w*$/).default(''),
            /** Tables that are not called otel_logs, otel_traces, otel_metrics_gauge ...: ours to theirs. */
            tables: z.partialRecord(z.enum(SOURCES), z.string().regex(/^\w+$/)).default({}),
            /** True: views on those tables count what comes from now on; false: only `postflight backfill` reads them. */
            live: flag.default(true),
          })
          .prefault({}),
      })
      .prefault({}),
    otlp: z
      .strictObject({
        host: host.default('127.0.0.1'),
        port: port.default(4318),
        /** Port of OTLP over gRPC. */
        grpcPort: port.default(4317),
        /** PEM files, for both doors: certificate and key; an authority that every sender must have a certificate of. */
        tls: z
          .strictObject({
            cert: z.string().default(''),
            key: z.string().default(''),
            clientCa: z.string().default(''),
          })
          .prefault({}),
        /** Origins of web pages that may send, such as https://shop.example; '*' for all. */
        corsOrigins: z.array(z.string().min(1)).default([]),
        /** Bytes of a request, before and after decompression. */
        maxBodyBytes: z.coerce
          .number()
          .int()
          .min(1024)
          .default(20 * 2 ** 20),
        /** Bytes of requests that wait to be written, most of them in a file (for Kafka in memory: 48 MB at most); past that, 503. */
        maxQueueBytes: z.coerce
          .number()
          .int()
          .min(2 ** 20)
          .default(128 * 2 ** 20),
        /** Telemetry older (days) or newer (minutes) than this goes to the dead-letter table. */
        maxPastDays: days.default(50),
        maxFutureMinutes: minutes.default(60),
        /** Minutes for which a request is known: one that its sender repeats in that time is stored once. 0: not at all. */
        repeatMinutes: z.coerce.number().min(0).max(1440).default(15),
      })
      .prefault({}),
    /** With brokers, requests are acknowledged once Kafka has them, and stored by a consumer group. */
    kafka: z
      .strictObject({
        /** host:port of some brokers, from which the others are learnt; none: straight into ClickHouse. */
        brokers: z
          .array(z.string().regex(/^(\[[\da-f:.]+\]|[^\s:/]+):\d+$/i, 'expected host:port'))
          .default([]),
        /** Before the names of the topics logs, traces, metrics and dead-letter. */
        topicPrefix: z
          .string()
          .regex(/^[\w.-]{0,200}$/)
          .default('postflight.'),
        /** Consumer group. */
        group: z.string().min(1).default('postflight'),
        /** False: this process receives only, and `postflight consume` elsewhere stores. */
        consume: flag.default(true),
        /** Of topics that are made because they are missing: partitions each; copies (0: one a broker, at most 3); hours kept. */
        partitions: z.coerce.number().int().min(1).max(1000).default(4),
        replicas: z.coerce.number().int().min(0).max(10).default(0),
        retentionHours: z.coerce.number().min(1).default(72),
        /** Minutes within which a request that its sender repeats is stored once; 0: as often as it comes. */
        repeatMinutes: z.coerce.number().min(0).max(1440).default(15),
        tls: z
          .strictObject({
            enabled: flag.default(false),
            /** PEM files: the authority (empty: the system's), and this client's certificate and key. */
            ca: z.string().default(''),
            cert: z.string().default(''),
            key: z.string().default(''),
          })
          .prefault({}),
        sasl: z
          .strictObject({
            mechanism: z.enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512']).default('none'),
            username: z.string().default(''),
            password: z.string().default(''),
          })
          .prefault({}),
      })
      .prefault({}),
    /** What is removed from telemetry before it is stored. */
    scrub: scrubSchema.prefault({}),
    exceptions: z
      .strictObject({
        /**
         * What else in a stack trace is a library's and not the application's: starts of functions' names (`com.acme.framework.`) or parts of the last
         * two segments of files' paths (`shared/http`).
         */
        libraries: z.array(z.string().min(1).max(200)).max(100).default([]),
      })
      .prefault({}),
    cardinality: z
      .strictObject({
        /** Values that a dimension (route, statement, kind of exception ...) keeps apart, of a measure of a service; the rest is one series, (other). */
        values: z.coerce.number().int().min(10).max(100_000).default(1000),
        /** Streams (combinations of attributes) a minute of a cumulative metric that are kept, of a measure of a service; of more a random sample is. */
        streams: z.coerce.number().int().min(100).max(10_000_000).default(2000),
        /** Instances that a version of a service keeps apart in an environment; the rest is one, (other). */
        instances: z.coerce.number().int().min(10).max(100_000).default(200),
      })
      .prefault({}),
    api: z
      .strictObject({
        host: host.default('127.0.0.1'),
        port: port.default(8080),
        /** Address under which people reach the pages: for links in alerts. Empty: host and port as above. */
        publicUrl: z.union([z.literal(''), url]).default(''),
      })
      .prefault({}),
    /** Days that rows are kept, per table. */
    retention: z
      .strictObject({
        logs: days.default(60),
        traces: days.default(60),
        metrics: days.default(60),
        minutes: days.default(90),
        hours: days.default(730),
        deadLetter: days.default(30),
      })
      .prefault({}),
    analysis: z
      .strictObject({
        /** Minutes after a roll-out in which a deployment is watched; its report is final when they are over. */
        watchMinutes: minutes.default(120),
        /** Minutes before the roll-out that it is compared with. */
        beforeMinutes: minutes.default(1440),
        /** Minutes of a new instance that are kept out of the steady comparison. */
        warmUpMinutes: z.coerce.number().min(0).default(5),
        /** Seconds that telemetry may be late before a window counts as complete. */
        latenessSeconds: z.coerce.number().min(0).default(90),
        /** Seconds between two looks at the deployments that are being watched. */
        intervalSeconds: z.coerce.number().min(1).default(30),
        /** False-discovery rate over a deployment's report. */
        falseDiscoveryRate: z.coerce.number().gt(0).lt(0.5).default(0.05),
        /** Other watch and before windows for some environments. */
        environments: z
          .record(
            z.string(),
            z.strictObject({
              watchMinutes: minutes.optional(),
              beforeMinutes: minutes.optional(),
              warmUpMinutes: z.coerce.number().min(0).optional(),
            }),
          )
          .default({}),
        /** IANA time zone that hours of the week are local to. */
        timeZone: z.string().default('UTC'),
      })
      .prefault({}),
    /** Watches each deployment from its first minute, and opens the one incident that it may have. */
    monitor: monitorSchema.prefault({}),
    /** Who is told of what. */
    alerts: alertsSchema.prefault({}),
    /** Deployments that GitHub, GitLab, Argo CD and CDEvents tell of. */
    notices: noticesSchema.prefault({}),
    /** What a gate says of each state. */
    gate: gateSchema.prefault({}),
    shadow: shadowSchema,
    auth: z
      .strictObject({
        /** True: keys are needed on loopback too. They always are as soon as a door listens wider. */
        required: flag.default(false),
      })
      .prefault({}),
    selfObservation: z
      .strictObject({
        /** OTLP/HTTP address that Postflight's own traces, metrics and logs go to; empty: nowhere. */
        endpoint: z.union([z.literal(''), url]).default(''),
        /** True: the address may be Postflight's own receiver. */
        allowSelf: flag.default(false),
      })
      .prefault({}),
    /** What Postflight reads by itself. */
    collectors: collectorsSchema.prefault({}),
    /** The user's own signals. */
    signals: z.array(customSignalSchema).default([]),
    /** What else is not users' traffic; tried before the built-in rules. */
    trafficRules: z
      .array(
        z.strictObject({
          traffic: z.enum(['health_check', 'bot', 'load_test']),
          attributes: z.tuple([z.string()], z.string()),
          /** RE2 regular expression. */
          pattern: z.string().min(1),
        }),
      )
      .default([]),
  })
  .superRefine((config, context) => {
    const { database, source } = config.clickhouse
    if (source.database === database) {
      context.addIssue({
        code: 'custom',
        path: ['clickhouse', 'source', 'database'],
        message: `expected another database than clickhouse.database (${database}), where Postflight's own tables have the same names`,
      })
    }
    const { brokers, tls, sasl } = config.kafka
    if (sasl.mechanism !== 'none' && sasl.username === '') {
      context.addIssue({
        code: 'custom',
        path: ['kafka', 'sasl', 'username'],
        message: `expected a name for ${sasl.mechanism}`,
      })
    }
    const near = brokers.every((broker) => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]):/.test(broker))
    if (sasl.mechanism === 'plain' && !tls.enabled && !near) {
      context.addIssue({
        code: 'custom',
        path: ['kafka', 'sasl', 'mechanism'],
        message: 'plain sends the password as it is: set kafka.tls.enabled, or use scram-sha-512',
      })
    }
    for (const [at, { endpoint }] of config.alerts.openTelemetry.entries()) {
      if (endpoint !== '' || config.selfObservation.endpoint !== '') continue
      context.addIssue({
        code: 'custom',
        path: ['alerts', 'openTelemetry', at, 'endpoint'],
        message: 'expected an OTLP/HTTP address, since selfObservation.endpoint names none',
      })
    }
    const { cert, key, clientCa } = config.otlp.tls
    if ((cert === '') !== (key === '') || (clientCa !== '' && cert === '')) {
      context.addIssue({
        code: 'custom',
        path: ['otlp', 'tls'],
        message: 'cert and key go together, and clientCa needs both',
      })
    }
    for (const table of ['logs', 'traces', 'metrics'] as const) {
      if (config.otlp.maxPastDays > config.retention[table]) {
        context.addIssue({
          code: 'custom',
          path: ['otlp', 'maxPastDays'],
          message: `expected at most retention.${table} (${config.retention[table]} days): older telemetry would be taken and dropped at once`,
        })
      }
    }
  })
export type Config = z.infer<typeof configSchema>

/** Lists whose entries hold secrets: by themselves, in files, or in environment variables. */
export const SECRET_LISTS: readonly string[] = [
  ...SECRET_ALERTS.map((name) => `alerts.${name}`),
  ...SECRET_COLLECTORS.map((name) => `collectors.${name}`),
]

/** Settings whose values are never printed. */
export const SECRET_SETTINGS: ReadonlySet<string> = new Set([
  'clickhouse.password',
  'kafka.sasl.password',
  'notices.github.secret',
  'notices.gitlab.token',
  ...SECRET_LISTS,
])
