import { encodedAttributes, WireWriter } from '../../../ingest/protobuf/wire-writer.ts'
import type { Effect, PlannedDeployment, Truth } from '../truth/truth.ts'
import { Autoregression, Draws } from './draws.ts'
import {
  BACKGROUND_EXCEPTIONS,
  type ExceptionModel,
  GATEWAY_ROUTES,
  type GatewayRouteModel,
  PEERS,
  type QueryModel,
  type RouteModel,
  routeName,
  SERVICES,
  type Service,
  statementName,
} from './shop-model.ts'
import {
  CLIENT,
  type Gauge,
  SERVER,
  type SpanException,
  type SpanIds,
  type SpanTemplate,
  spanTemplate,
  TelemetryBatch,
} from './telemetry-batch.ts'

export interface HistoryOptions {
  readonly truth: Truth
  /** Milliseconds since 1970: where the history ends. */
  readonly end: number
  /** Mean requests a minute that the shop gets; each is answered by the gateway and one service behind it. */
  readonly requestsPerMinute: number
  /** Minutes of history in one chunk. */
  readonly chunkMinutes: number
}

/** OTLP export requests (protobuf) that hold all telemetry of some span of time. */
export interface HistoryChunk {
  /** Milliseconds since 1970. */
  readonly from: number
  readonly to: number
  readonly traces: Buffer
  readonly logs: Buffer
  readonly metrics: Buffer
  readonly spans: number
  readonly logRecords: number
  readonly points: number
}

const STATUS_200 = encodedAttributes(9, { 'http.response.status_code': 200 })
const STATUS_500 = encodedAttributes(9, { 'http.response.status_code': 500 })
const MINUTE = 60_000
const DAY = 86_400_000

/** When a deployment of the truth starts, in a history that ends at `end`. Milliseconds since 1970. */
export function startOf(deployment: PlannedDeployment, end: number): number {
  return Math.floor(end / DAY) * DAY - deployment.minutesBeforeMidnight * MINUTE
}

/** When a history that ends at `end` begins. */
export function historyStart(truth: Truth, end: number): number {
  return Math.floor(end / DAY) * DAY - truth.days * DAY
}

/** The history, oldest first: the same seed, end and size give the same bytes. */
export function* generateHistory(options: HistoryOptions): Generator<HistoryChunk> {
  const { end, chunkMinutes } = options
  const shop = new Shop(options)
  const begin = historyStart(options.truth, end)
  const traces = new WireWriter(1 << 22)
  const logs = new WireWriter(1 << 18)
  const metrics = new WireWriter(1 << 20)
  for (let from = begin; from < end; from += chunkMinutes * MINUTE) {
    const to = Math.min(end, from + chunkMinutes * MINUTE)
    for (let minute = from; minute < to; minute += MINUTE) shop.minute(minute)
    const counts = { spans: 0, logRecords: 0, points: 0 }
    traces.clear()
    logs.clear()
    metrics.clear()
    for (const batch of shop.batches()) {
      counts.spans += batch.spans
      counts.logRecords += batch.logs
      counts.points += batch.points
      batch.drainInto(traces, logs, metrics)
    }
    yield {
      from,
      to,
      traces: Buffer.from(traces.written),
      logs: Buffer.from(logs.written),
      metrics: Buffer.from(metrics.written),
      ...counts,
    }
  }
}

/** The shape of a day (UTC), mean about 1: low at night, high around midday and in the evening. */
function daySeason(time: number): number {
  const hour = (time % DAY) / 3_600_000
  return (
    1 + 0.45 * Math.sin(((hour - 8) / 24) * 2 * Math.PI) + 0.12 * Math.sin(((hour - 5) / 12) * 2 * Math.PI)
  )
}

/** Saturdays and Sundays are quieter. */
function weekSeason(time: number): number {
  const day = new Date(time).getUTCDay()
  return day === 0 || day === 6 ? 0.78 : 1.08
}

const MEMORY: Gauge = { name: 'process.memory.usage', unit: 'By', kind: 'sum', attributes: {} }
const CPU_USER: Gauge = {
  name: 'process.cpu.utilization',
  unit: '1',
  kind: 'gauge',
  attributes: { 'process.cpu.state': 'user' },
}
const EVENT_LOOP: Gauge = { name: 'nodejs.eventloop.delay.p99', unit: 's', kind: 'gauge', attributes: {} }

/** Bytes that a process of the service holds when nothing is wrong. */
const ORDINARY_MEMORY: Readonly<Record<Service, number>> = {
  gateway: 120 * 2 ** 20,
  checkout: 170 * 2 ** 20,
  catalogue: 210 * 2 ** 20,
}

/** One version of one service, running. */
class Process {
  readonly version: string
  readonly batch: TelemetryBatch
  readonly effects: readonly Effect[]
  readonly started: number
  readonly latency = new Map<RouteModel, number>()
  readonly failures = new Map<RouteModel, number>()
  readonly repeats = new Map<QueryModel, number>()
  readonly throws = new Map<RouteModel, { share: number; exception: ExceptionModel }>()
  /** Bytes a minute. */
  readonly leak: number
  readonly #memoryNoise: Autoregression
  readonly #ordinary: number
  #leaked = 0

  constructor(service: Service, version: string, effects: readonly Effect[], started: number, seed: number) {
    this.version = version
    this.effects = effects
    this.started = started
    this.#ordinary = ORDINARY_MEMORY[service]
    this.#memoryNoise = new Autoregression(new Draws(seed, `memory ${service} ${version}`), 0.95, 0.04)
    this.batch = new TelemetryBatch(
      {
        'service.name': service,
        'service.version': version,
        'service.instance.id': `${service}-${version}-1`,
        'deployment.environment.name': 'history',
        'telemetry.sdk.language': 'nodejs',
        'telemetry.sdk.name': 'opentelemetry',
      },
      started,
    )
    const leak = effects.find((effect) => effect.kind === 'memory_leak')
    this.leak = leak?.ratio == null ? 0 : (this.#ordinary * (leak.ratio - 1)) / 60
    const routes = GATEWAY_ROUTES.flatMap((route) => [route, route.downstream]).filter(
      (route) => route.service === service,
    )
    for (const effect of effects) {
      const ratio = effect.ratio ?? 1
      for (const route of routes) {
        const named = routeName(route) === effect.dimension
        if (named && effect.signal === 'latency.server') {
          this.latency.set(route, (this.latency.get(route) ?? 1) * ratio)
        }
        if (named && effect.kind === 'error_ratio') this.failures.set(route, ratio)
        if (effect.thrownBy !== undefined && effect.thrownBy.route === routeName(route)) {
          const [type = '', message = ''] = effect.dimension.split(': ')
          this.throws.set(route, { share: effect.thrownBy.share, exception: { type, message } })
        }
        for (const query of route.queries) {
          if (effect.kind === 'n_plus_one' && statementName(query) === effect.dimension)
            this.repeats.set(query, ratio)
        }
      }
    }
  }

  /** Bytes in use now; a leak goes on until the process would hold thrice the ordinary, and is restarted. */
  memory(now: number): number {
    this.#memoryNoise.step()
    this.#leaked += this.leak
    if (this.#leaked > 2 * this.#ordinary) this.#leaked = 0
    const warmUp = 1 - 0.35 * Math.exp(-(now - this.started) / (2 * MINUTE))
    return this.#ordinary * warmUp * (1 + this.#memoryNoise.value) + this.#leaked
  }
}

/** What runs of a service and takes which share of its traffic. */
interface Running {
  readonly current: Process
  readonly next?: Process
  readonly nextShare: number
}

class ServiceState {
  readonly service: Service
  readonly load: Autoregression
  readonly slowness: Autoregression
  readonly trouble: Autoregression
  readonly background: SpanException
  readonly #pending: { deployment: PlannedDeployment; at: number; effects: readonly Effect[] }[]
  readonly #seed: number
  running: Running

  constructor(service: Service, options: HistoryOptions) {
    const { truth, end } = options
    this.service = service
    this.#seed = truth.seed
    this.load = new Autoregression(new Draws(truth.seed, `load ${service}`), 0.97, 0.12)
    this.slowness = new Autoregression(new Draws(truth.seed, `slowness ${service}`), 0.9, 0.05)
    this.trouble = new Autoregression(new Draws(truth.seed, `trouble ${service}`), 0.85, 0.5)
    this.background = BACKGROUND_EXCEPTIONS[service]
    let lasting: readonly Effect[] = []
    this.#pending = truth.deployments
      .filter((one) => one.service === service)
      .map((deployment) => {
        const { effect } = deployment
        // An improvement stays for good; harm lasts until the release that fixes it.
        const effects = effect.kind === 'none' || effect.kind === 'fix' ? lasting : [...lasting, effect]
        if (effect.kind === 'improvement') lasting = effects
        return { deployment, at: startOf(deployment, end), effects }
      })
    this.running = {
      current: new Process(service, truth.initial[service] ?? '', [], historyStart(truth, end), truth.seed),
      nextShare: 0,
    }
  }

  minute(time: number): void {
    this.slowness.step()
    this.trouble.step()
    const [due] = this.#pending
    if (due === undefined || time < due.at) return
    const { rollout, version } = due.deployment
    const next = this.running.next ?? new Process(this.service, version, due.effects, due.at, this.#seed)
    const age = (time - due.at) / MINUTE + 1
    const held = rollout.kind === 'side_by_side' ? rollout.minutes : 0
    const share =
      rollout.kind === 'side_by_side' && age <= held
        ? rollout.share * Math.min(1, age / 2)
        : rollout.kind === 'side_by_side'
          ? rollout.share + ((1 - rollout.share) * (age - held)) / 5
          : age / rollout.minutes
    if (share < 1) this.running = { current: this.running.current, next, nextShare: share }
    else {
      this.#pending.shift()
      this.running = { current: next, nextShare: 0 }
    }
  }

  choose(draws: Draws): Process {
    const { current, next, nextShare } = this.running
    return next !== undefined && draws.uniform() < nextShare ? next : current
  }
}

/** Attributes of one path, answered well and badly. */
interface Answer {
  readonly fine: Buffer
  readonly failed: Buffer
}

/** What a request came to in one service. */
interface Outcome {
  readonly seconds: number
  readonly failed: boolean
}

class Shop {
  readonly #options: HistoryOptions
  readonly #draws: Draws
  readonly #services: ReadonlyMap<Service, ServiceState>
  readonly #load: Autoregression
  readonly #drift = new Map<RouteModel, Autoregression>()
  readonly #templates = new Map<object, SpanTemplate>()
  readonly #clientTemplates = new Map<RouteModel, SpanTemplate>()
  readonly #answers = new Map<RouteModel, readonly Answer[]>()
  readonly #mix: { from: number; weight: number } | undefined
  readonly #payment: SpanTemplate
  readonly #used = new Set<TelemetryBatch>()

  constructor(options: HistoryOptions) {
    this.#options = options
    const { truth, end } = options
    this.#draws = new Draws(truth.seed, 'requests')
    this.#load = new Autoregression(new Draws(truth.seed, 'load'), 0.97, 0.15)
    this.#services = new Map(SERVICES.map((service) => [service, new ServiceState(service, options)]))
    const mix = truth.deployments.find((one) => one.effect.kind === 'traffic_mix')
    this.#mix = mix === undefined ? undefined : { from: startOf(mix, end), weight: mix.effect.ratio ?? 1 }
    for (const route of GATEWAY_ROUTES.flatMap((one) => [one, one.downstream]))
      this.#prepare(route, truth.seed)
    this.#payment = spanTemplate('POST', CLIENT, {
      'http.request.method': 'POST',
      'server.address': 'payments.example',
      'url.full': 'https://payments.example/charges',
      'http.response.status_code': 201,
    })
  }

  #prepare(route: RouteModel, seed: number): void {
    const name = routeName(route)
    // Minutes of memory: about three days, so that what a route takes drifts by some percent in a week.
    this.#drift.set(
      route,
      new Autoregression(new Draws(seed, `drift ${route.service} ${name}`), 1 - 1 / 4320, 0.05),
    )
    this.#templates.set(
      route,
      spanTemplate(name, SERVER, {
        'http.request.method': route.method,
        'http.route': route.path,
        'url.scheme': 'http',
        'network.protocol.version': '1.1',
      }),
    )
    this.#clientTemplates.set(
      route,
      spanTemplate(route.method, CLIENT, {
        'http.request.method': route.method,
        'server.address': PEERS[route.service],
        'server.port': 80,
      }),
    )
    for (const query of route.queries) {
      this.#templates.set(
        query,
        spanTemplate(`${query.operation} ${query.table}`, CLIENT, {
          'db.system.name': 'postgresql',
          'db.namespace': 'shop',
          'db.query.text': query.text,
          'server.address': 'db.shop.internal',
        }),
      )
    }
  }

  minute(time: number): void {
    this.#load.step()
    for (const drift of this.#drift.values()) drift.step()
    for (const service of this.#services.values()) service.minute(time)
    const draws = this.#draws
    const season = daySeason(time) * weekSeason(time)
    const level = season * Math.exp(this.#load.value)
    // Negative binomial: bursts beyond Poisson.
    const requests = draws.poisson(this.#options.requestsPerMinute * level * draws.gammaOfMeanOne(12))
    for (let i = 0; i < requests; i++) this.#request(time + draws.uniform() * MINUTE, level)
    for (const state of this.#services.values()) this.#gauges(state, time + MINUTE - 1, level)
  }

  /** Batches that hold something. */
  batches(): TelemetryBatch[] {
    const used = [...this.#used]
    this.#used.clear()
    return used
  }

  #route(time: number): GatewayRouteModel {
    const mix = this.#mix
    const weight = mix !== undefined && time >= mix.from ? mix.weight : 1
    let total = 0
    for (const route of GATEWAY_ROUTES)
      total += route.share * (route.downstream.service === 'checkout' ? weight : 1)
    let left = this.#draws.uniform() * total
    for (const route of GATEWAY_ROUTES) {
      left -= route.share * (route.downstream.service === 'checkout' ? weight : 1)
      if (left < 0) return route
    }
    return GATEWAY_ROUTES[0] as GatewayRouteModel
  }

  #request(start: number, level: number): void {
    const draws = this.#draws
    const route = this.#route(start)
    const gateway = this.#services.get('gateway') as ServiceState
    const process = gateway.choose(draws)
    const trace = this.#id(16)
    const own = this.#ownTime(route, gateway, level)
    const ids: SpanIds = { trace, span: this.#id(8) }
    const call: SpanIds = { trace, span: this.#id(8) }
    const network = 0.0008 + 0.0004 * Math.abs(draws.normal())
    const begin = start + own * 300
    const inner = this.#serve(route.downstream, call, begin + network * 500, level)
    const callSeconds = inner.seconds + network
    this.#used.add(process.batch)
    process.batch.addSpan(
      this.#clientTemplates.get(route.downstream) as SpanTemplate,
      call,
      ids.span,
      begin,
      callSeconds,
      {
        attributes: inner.failed ? STATUS_500 : STATUS_200,
        failed: inner.failed,
      },
    )
    const seconds = (own + callSeconds) * (process.latency.get(route) ?? 1)
    this.#finish(route, gateway, process, ids, undefined, start, seconds, inner.failed)
  }

  #serve(route: RouteModel, caller: SpanIds, start: number, level: number): Outcome {
    const draws = this.#draws
    const state = this.#services.get(route.service) as ServiceState
    const process = state.choose(draws)
    const ids: SpanIds = { trace: caller.trace, span: this.#id(8) }
    const own = this.#ownTime(route, state, level)
    let now = own * 0.4
    this.#used.add(process.batch)
    for (const query of route.queries) {
      const times = process.repeats.get(query) ?? 1
      for (let i = 0; i < times; i++) {
        const took = query.median * Math.exp(0.4 * draws.normal() + state.slowness.value)
        process.batch.addSpan(
          this.#templates.get(query) as SpanTemplate,
          { trace: ids.trace, span: this.#id(8) },
          ids.span,
          start + now * 1000,
          took,
        )
        now += took
      }
    }
    if (route.path === '/orders') {
      const took = 0.06 * Math.exp(0.35 * draws.normal())
      const payment = { trace: ids.trace, span: this.#id(8) }
      process.batch.addSpan(this.#payment, payment, ids.span, start + now * 1000, took)
      now += took
    }
    const seconds = (now + own * 0.6) * (process.latency.get(route) ?? 1)
    return this.#finish(route, state, process, ids, caller.span, start, seconds, false)
  }

  #ownTime(route: RouteModel, state: ServiceState, level: number): number {
    const drift = this.#drift.get(route)?.value ?? 0
    return (
      route.median * Math.exp(0.5 * this.#draws.normal() + drift + state.slowness.value + 0.12 * (level - 1))
    )
  }

  /** The server span, what may go wrong in it, and what it logs. */
  #finish(
    route: RouteModel,
    state: ServiceState,
    process: Process,
    ids: SpanIds,
    parent: Buffer | undefined,
    start: number,
    seconds: number,
    failedBehind: boolean,
  ): Outcome {
    const draws = this.#draws
    const trouble = Math.exp(state.trouble.value)
    const thrown = process.throws.get(route)
    const exception: SpanException | undefined =
      thrown !== undefined && draws.uniform() < thrown.share
        ? thrown.exception
        : draws.uniform() < 0.002 * trouble
          ? state.background
          : undefined
    const failed =
      failedBehind ||
      exception !== undefined ||
      draws.uniform() < route.failures * trouble * (process.failures.get(route) ?? 1)
    const answer = this.#answer(route)
    process.batch.addSpan(this.#templates.get(route) as SpanTemplate, ids, parent, start, seconds, {
      attributes: failed ? answer.failed : answer.fine,
      failed,
      ...(exception === undefined ? {} : { exception }),
    })
    const end = start + seconds * 1000
    if (exception !== undefined) {
      process.batch.addLog(
        {
          severity: 17,
          text: 'ERROR',
          body: `${routeName(route)} failed: ${exception.type}: ${exception.message}`,
        },
        ids,
        end,
      )
    } else if (draws.uniform() < 0.004) {
      process.batch.addLog(
        {
          severity: 13,
          text: 'WARN',
          body: `slow answer: ${routeName(route)} took ${Math.ceil(seconds * 1000)} ms`,
        },
        ids,
        end,
      )
    } else if (route.method === 'POST' && draws.uniform() < 0.5) {
      process.batch.addLog({ severity: 9, text: 'INFO', body: `${routeName(route)} done` }, ids, end)
    }
    return { seconds, failed }
  }

  #answer(route: RouteModel): Answer {
    let answers = this.#answers.get(route)
    if (answers === undefined) {
      answers = Array.from({ length: 20 }, (_, i) => {
        const path = encodedAttributes(9, { 'url.path': route.path.replace(':id', String(101 + i * 7)) })
        return { fine: Buffer.concat([path, STATUS_200]), failed: Buffer.concat([path, STATUS_500]) }
      })
      this.#answers.set(route, answers)
    }
    return this.#draws.pick(answers)
  }

  #gauges(state: ServiceState, time: number, level: number): void {
    const draws = this.#draws
    const { current, next, nextShare } = state.running
    for (const process of next === undefined ? [current] : [current, next]) {
      const share = process === next ? nextShare : 1 - nextShare
      this.#used.add(process.batch)
      process.batch.addPoint(MEMORY, time, Math.round(process.memory(time)))
      process.batch.addPoint(CPU_USER, time, (0.03 + 0.05 * level * share) * Math.exp(0.12 * draws.normal()))
      process.batch.addPoint(
        EVENT_LOOP,
        time,
        0.0105 * Math.exp(0.08 * draws.normal() + 0.5 * state.slowness.value),
      )
    }
  }

  #id(size: number): Buffer {
    const id = Buffer.allocUnsafe(size)
    for (let i = 0; i < size; i += 4) id.writeUInt32LE(Math.floor(this.#draws.uniform() * 4294967296), i)
    return id
  }
}
