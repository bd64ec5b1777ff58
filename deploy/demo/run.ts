import { setTimeout as wait } from 'node:timers/promises'
import type { Report } from '../../schemas/contracts/report.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { type Progress, showProgress } from '../cli/progress.ts'
import type { AlertReceiver } from './alert-receiver.ts'
import { type DemoApi, demoApi } from './demo-api.ts'
import { runHistory } from './history/run-history.ts'
import { LIVE_ENVIRONMENT } from './settings.ts'
import { type Shop, startShop } from './shop/start-shop.ts'
import {
  DEFAULT_SEED,
  HISTORY_DAYS,
  HISTORY_ENVIRONMENT,
  NEXT_VERSION,
  planHistory,
} from './truth/plan-history.ts'

export interface DemoOptions {
  /** Base addresses of a running Postflight. */
  readonly apiUrl: string
  readonly otlpUrl: string
  readonly apiKey?: string
  readonly seed?: number
  /** Days of history, 14 to 42. */
  readonly days?: number
  readonly out: NodeJS.WriteStream
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** A report for the terminal. @param link of its page */
  readonly reportText: (report: Report, link: string) => string
  readonly alerts: AlertReceiver
  /** Seconds that the live shop runs before its roll-out. */
  readonly settleSeconds?: number
  /** What comes last: the history alone, or the live part too. */
  readonly exitAfter?: 'history' | 'live'
  /** Stops the demonstration, whatever it is at. */
  readonly signal: AbortSignal
}

const POLL_MS = 3000

/**
 * The demonstration: six weeks of history, then a live roll-out that makes things worse. Serves until `signal` is given, or until
 * `exitAfter` is reached; leaves no process behind.
 * @throws Error when Postflight refuses something, PostflightError ALREADY_EXISTS when there is a demonstration; nothing when it was stopped
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { out, signal } = options
  const api = demoApi(options.apiUrl, options.apiKey, signal)
  let shop: Shop | undefined
  try {
    await refuseSecond(api)
    await history(options, api)
    if (options.exitAfter === 'history') return
    say(
      out,
      '\nThe live shop starts: a gateway, a checkout, a catalogue with its database, and people in it.',
    )
    shop = await startShop({
      otlpUrl: options.otlpUrl,
      ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
      environment: LIVE_ENVIRONMENT,
      seed: options.seed ?? DEFAULT_SEED,
      versions: currentVersions(options),
    })
    await live(options, api, shop)
    addresses(options, shop)
    if (options.exitAfter === 'live') return
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await shop?.stop()
  }
}

/** A second history beside the first, at other times, would be neither. */
async function refuseSecond(api: DemoApi): Promise<void> {
  if ((await api.deployments(HISTORY_ENVIRONMENT)).length === 0) return
  throw new PostflightError(
    'ALREADY_EXISTS',
    'There is a demonstration in this store already, or a part of one.',
    {
      hint: 'Look at it: npm start. For a new one remove the folder (dataDir), or: npm run demo -- --dataDir another-folder',
    },
  )
}

async function history(options: DemoOptions, api: DemoApi): Promise<void> {
  const { out, clock } = options
  const days = options.days ?? HISTORY_DAYS
  const truth = planHistory(options.seed ?? DEFAULT_SEED, days)
  const end = Math.floor(clock() / 60_000) * 60_000
  say(
    out,
    `${days} days of a shop's telemetry go through the OTLP endpoint, with ${truth.deployments.length} deployments (seed ${truth.seed}).`,
  )
  const progress = showProgress('History', out, clock)
  const done = new AbortController()
  const shown = firstFinalReport(options, api, progress, done.signal)
  try {
    const sent = await runHistory({
      truth,
      end,
      otlpUrl: options.otlpUrl,
      ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
      tell: (deployment) => api.tell(deployment),
      progress,
      signal: options.signal,
    })
    progress.stop()
    say(
      out,
      `${sent.spans} spans, ${sent.logRecords} log records and ${sent.points} points were taken in ${sent.seconds.toFixed(0)} s.`,
    )
    await shown
  } finally {
    progress.stop()
    done.abort()
    await shown.catch(() => {})
  }
  await historySummary(options, api, truth.deployments.length)
}

/** Shows the oldest final report that compares anything, as soon as it is there. */
async function firstFinalReport(
  options: DemoOptions,
  api: DemoApi,
  progress: Progress,
  done: AbortSignal,
): Promise<void> {
  const begun = options.clock()
  while (!done.aborted) {
    const listed = await api.deployments(HISTORY_ENVIRONMENT)
    const first = listed.find((one) => one.provisional === false && one.state !== 'no_data')
    const report = first === undefined ? undefined : await api.report(first.deploymentId)
    if (report !== undefined) {
      const seconds = ((options.clock() - begun) / 1000).toFixed(0)
      progress.say(
        `\nThe first final report, after ${seconds} s:\n\n${options.reportText(report, linkOf(options, report))}\n`,
      )
      return
    }
    await wait(POLL_MS, undefined, { signal: options.signal })
  }
}

async function historySummary(options: DemoOptions, api: DemoApi, planned: number): Promise<void> {
  const { out } = options
  // Discovery and the last reports need a look or two of the analysis.
  const deadline = options.clock() + 120_000
  let listed = await api.deployments(HISTORY_ENVIRONMENT)
  while (
    (listed.length < planned || listed.some((one) => one.provisional !== false)) &&
    options.clock() < deadline
  ) {
    await wait(POLL_MS, undefined, { signal: options.signal })
    listed = await api.deployments(HISTORY_ENVIRONMENT)
  }
  const regressed = listed.filter((one) => one.state === 'regressed')
  // The first version of each service was there before.
  const judged = listed.filter((one) => one.state !== 'no_data')
  say(out, `\nOf ${judged.length} deployments in the history, ${regressed.length} made things worse:`)
  for (const one of regressed) say(out, cut(`  ${one.service}@${one.version}  ${one.headline ?? ''}`))
}

async function live(options: DemoOptions, api: DemoApi, shop: Shop): Promise<void> {
  const { out, signal } = options
  options.alerts.listen((alert) => {
    say(out, `\nThe webhook got an alert (${alert.status}): ${alert.service}@${alert.version}`)
    say(out, cut(`  ${alert.summary}`))
  })
  const settle = options.settleSeconds ?? 60
  say(out, `In ${settle} s checkout@${NEXT_VERSION.checkout} is rolled out beside the version that runs.`)
  await wait(settle * 1000, undefined, { signal })
  const startedAt = new Date(options.clock()).toISOString()
  await api.tell({
    service: 'checkout',
    environment: LIVE_ENVIRONMENT,
    version: NEXT_VERSION.checkout,
    startedAt,
    attributes: { pipeline: 'demo' },
  })
  await shop.rollOutCheckout(NEXT_VERSION.checkout)
  say(out, `checkout@${NEXT_VERSION.checkout} takes half of the traffic now. What its report says:`)
  let said = ''
  for (;;) {
    const listed = await api.deployments(LIVE_ENVIRONMENT)
    const own = listed.findLast((one) => one.service === 'checkout' && one.version === NEXT_VERSION.checkout)
    const report = own === undefined ? undefined : await api.report(own.deploymentId)
    if (report !== undefined && !report.provisional) {
      say(out, `\nFinal:\n\n${options.reportText(report, linkOf(options, report))}`)
      return
    }
    if (report !== undefined && report.headline !== said) {
      said = report.headline
      const minutes = ((options.clock() - Date.parse(startedAt)) / 60_000).toFixed(1)
      say(out, cut(`  ${minutes} min, provisional: ${said}`))
    }
    await wait(POLL_MS, undefined, { signal })
  }
}

/** What runs at the end of the history runs live. */
function currentVersions(options: DemoOptions): { gateway: string; checkout: string; catalogue: string } {
  const truth = planHistory(options.seed ?? DEFAULT_SEED)
  const last = (service: string): string =>
    truth.deployments.findLast((one) => one.service === service)?.version ?? truth.initial[service] ?? ''
  return { gateway: last('gateway'), checkout: last('checkout'), catalogue: last('catalogue') }
}

function addresses(options: DemoOptions, shop: Shop): void {
  const page = `${options.apiUrl}/releases/checkout/${NEXT_VERSION.checkout}?environment=${LIVE_ENVIRONMENT}`
  say(
    options.out,
    [
      '',
      'Open:',
      `  ${options.apiUrl}   services`,
      `  ${page}`,
      `  ${options.apiUrl}/api/docs/   the API`,
      `  ${shop.url}   the shop (JSON)`,
      ...(options.exitAfter === undefined ? ['', 'The shop goes on until Ctrl-C.'] : []),
    ].join('\n'),
  )
}

function linkOf(options: DemoOptions, report: Report): string {
  const { service, version, environment } = report.deployment
  return `${options.apiUrl}/releases/${encodeURIComponent(service)}/${encodeURIComponent(version)}?environment=${encodeURIComponent(environment)}`
}

function say(out: NodeJS.WriteStream, text: string): void {
  out.write(`${text}\n`)
}

function cut(line: string): string {
  return line.length <= 160 ? line : `${line.slice(0, 157)}...`
}
