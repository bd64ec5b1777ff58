import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs, { type Kafka, type KafkaConfig, type SASLOptions } from 'kafkajs'
import type { Logger } from 'pino'
import type { Config } from '../../schemas/config.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { free, own } from '../memory.ts'
import { mendRequestQueue } from './request-queue.ts'

const { CompressionCodecs, CompressionTypes, KafkaJSError, logLevel } = kafkajs

/** Milliseconds that a broker may take to answer; senders of OTLP give up after 10 s. */
const REQUEST_TIMEOUT = 8_000
const CONNECTION_TIMEOUT = 3_000
/** Each piece costs a turn through the thread pool and garbage: of 16 KB, as is the default, they took two to three times the CPU. */
const ZSTD_CHUNK = 256 * 1024
/** Telemetry shrinks well at the fastest level already. */
const ZSTD_LEVEL = 1
/** Bytes that a batch of messages may have unpacked: more than a receiver ever sends at once. */
const MAX_UNPACKED = 512 * 1024 * 1024

/**
 * The way to the brokers that the settings name; nothing is sent yet.
 * @throws PostflightError CONFIG_INVALID if a file of a certificate cannot be read
 */
export function openKafka(config: Config['kafka'], logger: Logger): Kafka {
  mendRequestQueue()
  // The client brings gzip alone; Node has zstd.
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => {
      const packed = await promisify(zstdCompress)(buffer, {
        chunkSize: ZSTD_CHUNK,
        params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL },
      })
      // The client's encoder made it for this batch alone, and only what comes back is sent.
      free(own(buffer))
      return packed
    },
    decompress: async (buffer: Buffer) =>
      own(await promisify(zstdDecompress)(buffer, { chunkSize: ZSTD_CHUNK, maxOutputLength: MAX_UNPACKED })),
  })
  return new kafkajs.Kafka({
    clientId: 'postflight',
    brokers: [...config.brokers],
    requestTimeout: REQUEST_TIMEOUT,
    connectionTimeout: CONNECTION_TIMEOUT,
    retry: { initialRetryTime: 200, maxRetryTime: 2_000, retries: 3 },
    ...security(config),
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => {
      const { level, namespace = '', log } = entry
      const { message, timestamp: _, logger: __, stack: ___, ...details } = log
      // What it could not do is thrown as well, and told by whoever handles it.
      logger[level === logLevel.ERROR ? 'info' : 'debug'](details, `kafkajs ${namespace}: ${message}`)
    },
  })
}

function security({ tls, sasl }: Config['kafka']): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  const file = (setting: string, path: string) => {
    try {
      return readFileSync(path, 'utf8')
    } catch (cause) {
      throw new PostflightError('CONFIG_INVALID', `kafka.tls.${setting}: ${path} cannot be read`, {
        hint: 'Name a file in PEM format.',
        cause,
      })
    }
  }
  const ssl = {
    ...(tls.ca === '' ? {} : { ca: file('ca', tls.ca) }),
    ...(tls.cert === '' ? {} : { cert: file('cert', tls.cert), key: file('key', tls.key) }),
  }
  const { mechanism, username, password } = sasl
  return {
    ...(tls.enabled ? { ssl: { ...ssl, rejectUnauthorized: true } } : {}),
    ...(mechanism === 'none' ? {} : { sasl: { mechanism, username, password } as SASLOptions }),
  }
}

/** What the client threw, as an error that a person can act on. */
export function brokerError(error: unknown, doing: string): PostflightError {
  if (error instanceof PostflightError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new PostflightError('BROKER_UNREACHABLE', `Kafka: ${doing} failed: ${message}`, {
    hint: HINTS.find(([of]) => of.test(message))?.[1] ?? 'Check that the brokers run, and kafka.brokers.',
    cause: error,
  })
}

/** The same, where brokers could not be reached or did not answer; any other error as it is, so that it is told as what it is. */
export function reasonOf(error: unknown, doing: string): unknown {
  return isAway(error) ? brokerError(error, doing) : error
}

const AWAY = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSGroupCoordinatorNotFound',
])

function isAway(error: unknown): boolean {
  if (error instanceof NoAnswer) return true
  if (!(error instanceof KafkaJSError)) return false
  return AWAY.has(error.name) || isAway(error.cause)
}

class NoAnswer extends Error {}

/** What to look at, by what the client or TLS says. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /SASL|authenticat/i,
    'Check kafka.sasl.mechanism, .username and the password (POSTFLIGHT_KAFKA_SASL_PASSWORD).',
  ],
  [
    /certificate|altnames/i,
    'kafka.tls.ca names the PEM file of the authority that the brokers have their certificates from.',
  ],
  [
    /closed connection|SSL|TLS|EPROTO|ECONNRESET/i,
    'Does that port expect TLS (kafka.tls.enabled) or a password (kafka.sasl), or neither?',
  ],
]

/**
 * What the client promised, or an error after so many milliseconds: kafkajs has promises that never settle when brokers fail
 * at the wrong moment, and everything behind them would wait for ever.
 */
export async function within<T>(milliseconds: number, promised: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`no answer within ${milliseconds} ms`)), milliseconds)
  })
  try {
    return await Promise.race([promised, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The name that Kafka's protocol has for an error, '' if it is none of Kafka's. */
export function protocolErrorOf(error: unknown): string {
  if (!(error instanceof KafkaJSError)) return ''
  const { type, cause, errors } = error as { type?: unknown; cause?: unknown; errors?: unknown[] }
  return typeof type === 'string' ? type : protocolErrorOf(cause ?? errors?.[0])
}
