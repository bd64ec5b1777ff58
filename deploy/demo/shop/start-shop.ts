import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Service } from '../history/shop-model.ts'

export interface ShopOptions {
  /** Base address of the OTLP/HTTP receiver. */
  readonly otlpUrl: string
  readonly apiKey?: string
  readonly environment: string
  readonly seed: number
  readonly sessionsPerSecond?: number
  readonly versions: Readonly<Record<Service, string>>
}

export interface Shop {
  readonly url: string
  /** Starts another version of checkout beside the one that runs; from now on they share its traffic evenly. */
  rollOutCheckout(version: string): Promise<void>
  stop(): Promise<void>
}

interface Running {
  readonly child: ChildProcess
  readonly url: string
}

const START_MS = 60_000

/** Starts the shop: database, three services and the people in it, each a process of its own. @throws Error when one does not start */
export async function startShop(options: ShopOptions): Promise<Shop> {
  const running: Running[] = []
  const stop = async (): Promise<void> => {
    // The people first, the database last.
    for (const { child } of running.toReversed()) await end(child)
  }
  const start = async (script: string, env: NodeJS.ProcessEnv, instrumented: boolean): Promise<Running> => {
    const child = fork(fileURLToPath(new URL(script, import.meta.url)), {
      env: { ...process.env, ...env },
      execArgv: instrumented
        ? ['--import', fileURLToPath(new URL('./instrumentation.ts', import.meta.url))]
        : [],
      // Their logs are telemetry; on the screen they would hide the report.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Ctrl-C reaches only the demonstration itself, which ends them in order.
      detached: true,
    })
    let trouble = ''
    child.stderr?.on('data', (data: Buffer) => {
      trouble = `${trouble}${data}`.slice(-2000)
    })
    const port = await new Promise<number>((resolve, reject) => {
      const timeout = setTimeout(
        () => reject(new Error(`${script} did not start in time. ${trouble}`)),
        START_MS,
      )
      child.once('message', (message: { port: number }) => {
        clearTimeout(timeout)
        resolve(message.port)
      })
      child.once('exit', (code) => {
        clearTimeout(timeout)
        reject(new Error(`${script} ended with ${code}. ${trouble}`))
      })
    }).catch(async (error: unknown) => {
      await end(child)
      throw error
    })
    const one = { child, url: `http://127.0.0.1:${port}` }
    running.push(one)
    return one
  }
  const service = (name: Service, version: string, instance: number, env: NodeJS.ProcessEnv) =>
    start(
      `./${name}.ts`,
      {
        ...env,
        SHOP_VERSION: version,
        OTEL_SERVICE_NAME: name,
        OTEL_RESOURCE_ATTRIBUTES: `service.version=${version},deployment.environment.name=${options.environment},service.instance.id=${name}-${version}-${instance}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: options.otlpUrl,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
        ...(options.apiKey === undefined
          ? {}
          : { OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${options.apiKey}` }),
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_LOGS_EXPORTER: 'otlp',
        // Shorter than the defaults, so that a verdict within minutes has something to go by.
        OTEL_METRIC_EXPORT_INTERVAL: '10000',
        OTEL_METRIC_EXPORT_TIMEOUT: '9000',
        OTEL_BSP_SCHEDULE_DELAY: '1000',
        OTEL_BLRP_SCHEDULE_DELAY: '1000',
      },
      true,
    )
  try {
    const database = await start('./database.ts', {}, false)
    const db = { DB_PORT: new URL(database.url).port }
    const [catalogue, checkout] = await Promise.all([
      service('catalogue', options.versions.catalogue, 1, db),
      service('checkout', options.versions.checkout, 1, db),
    ])
    const gateway = await service('gateway', options.versions.gateway, 1, {
      CATALOGUE_URLS: catalogue.url,
      CHECKOUT_URLS: checkout.url,
    })
    await start(
      './load.ts',
      {
        SHOP_URL: gateway.url,
        SHOP_SEED: String(options.seed),
        ...(options.sessionsPerSecond === undefined
          ? {}
          : { SHOP_SESSIONS_PER_SECOND: String(options.sessionsPerSecond) }),
      },
      false,
    )
    return {
      url: gateway.url,
      rollOutCheckout: async (version) => {
        const next = await service('checkout', version, 1, db)
        gateway.child.send({ upstreams: { checkout: [checkout.url, next.url] } })
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timeout = setTimeout(() => child.kill('SIGKILL'), 5000)
  await gone
  clearTimeout(timeout)
}
