import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { type BackfillOutcome, backfill } from '../../ingest/backfill/backfill.ts'
import { acquireLease } from '../../ingest/backfill/lease.ts'
import { backfillTasks } from '../../ingest/backfill/tasks.ts'
import { type Verified, verify } from '../../ingest/backfill/verify.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { INSTANCES } from '../../schemas/signals/bounded-instance.ts'
import { buildCatalogue, type Catalogue } from '../../schemas/signals/catalogue.ts'
import type { Store } from '../../schemas/store/client.ts'
import { prepareStore } from '../../schemas/store/prepare.ts'
import { borrowDatabase } from '../open-database.ts'
import { newCommand, runs } from './command.ts'
import { type CliContext, createLogger, writeJson } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { showProgress } from './progress.ts'
import { table } from './table.ts'

const DAY = 86_400
/** Seconds that the command waits for the cut-over of views that were made just now. */
const PATIENCE = 300

export function backfillCommand(context: CliContext): Command {
  const command = newCommand(
    'backfill',
    'Count what was stored before its view: history of your own tables, of new signals',
  )
    .option('--from <time>', 'from when on (ISO 8601; default: all that is kept)')
    .option('--to <time>', 'until when')
    .option('--signal <id>', 'only this signal, such as latency.server')
    .option('--again', 'count anew what was counted already')
    .option('--verify', 'count nothing: recount the raw rows, and compare with what is stored')
    .option('--no-wait', 'do not wait until views that were made just now take over')
    .option('--threads <n>', 'threads that a statement may use', '1')
  return runs(context, command, async ({ config, json, options }) => {
    const database = await borrowDatabase(
      config,
      createLogger({ ...config, logLevel: 'warn' }, [context.err]),
    )
    let stopped = false
    void context.stopAsked().then(() => {
      stopped = true
    })
    try {
      const { store } = database
      const catalogue = buildCatalogue(config.signals, config.trafficRules)
      const { source } = await prepareStore(store, catalogue, config)
      const measures = measuresOf(catalogue, options['signal'] as string | undefined)
      const threads = Math.max(1, Math.min(64, Math.floor(Number(options['threads'])) || 1))
      const tasks = await backfillTasks(store, catalogue, source, measures)
      const now = await storeTime(store)
      const kept = options['verify'] === true ? config.retention.minutes - 1 : config.retention.hours
      const range = {
        from: Math.max(now - kept * DAY, moment('from', options['from'], 0)),
        to: moment('to', options['to'], now + DAY),
        lateness: config.analysis.latenessSeconds,
      }
      if (range.from >= range.to)
        throw new PostflightError('INVALID_REQUEST', `--to: expected a time after ${iso(range.from)}`, {
          hint: 'The span begins at --from, and not before what is kept (retention.*).',
        })
      const { cardinality } = config
      const common = { store, tasks, threads, cardinality, ...range, stopAsked: () => stopped }
      if (options['verify'] === true) {
        const progress = showProgress('Recounting', context.err, context.clock)
        const verified = await verify({
          ...common,
          now,
          onProgress: (done, of) => progress.update(done / Math.max(1, of)),
        })
        progress.stop()
        if (json) writeJson(context, verified)
        else context.out.write(verifiedText(verified))
        if (stopped) {
          context.err.write('Stopped: only a part was recounted.\n')
          return EXIT.failed
        }
        if (verified.some(({ differing }) => differing > 0)) return EXIT.regressed
        return verified.some(({ cells }) => cells > 0) ? EXIT.healthy : EXIT.noData
      }
      const lease = await acquireLease(
        store,
        `${hostname()} ${process.pid} ${randomUUID()}`,
        sleep,
        (owner) =>
          context.err.write(
            `Waiting for another backfill to end (${owner.split(' ').slice(0, 2).join(', process ')}).\n`,
          ),
      )
      try {
        const progress = showProgress('Backfill', context.err, context.clock)
        const run = async (at: number) =>
          await backfill({
            ...common,
            now: at,
            again: options['again'] === true,
            onProgress: (done, of) => progress.update(of === 0 ? 1 : done / of, done),
          })
        let outcome = await run(now)
        const wait = (outcome.restFrom ?? 0) - (await storeTime(store))
        if (
          options['wait'] !== false &&
          !outcome.stopped &&
          outcome.restFrom !== undefined &&
          wait <= PATIENCE
        ) {
          progress.say(`The views count from ${iso(outcome.restFrom - range.lateness)} on: waiting for it.`)
          while (!stopped && (await storeTime(store)) <= outcome.restFrom) await sleep(1000)
          const rest = await backfill({ ...common, now: await storeTime(store) })
          outcome = {
            ...rest,
            spans: outcome.spans + rest.spans,
            rows: outcome.rows + rest.rows,
            rests: [...outcome.rests, ...rest.rests],
          }
        }
        progress.stop()
        if (json) writeJson(context, outcome)
        else context.out.write(outcomeText(outcome))
        return outcome.stopped ? EXIT.failed : EXIT.healthy
      } finally {
        await lease.release()
      }
    } finally {
      await database.close()
    }
  })
}

/** @throws PostflightError SIGNAL_NOT_FOUND */
function measuresOf(catalogue: Catalogue, id: string | undefined): ReadonlySet<string> {
  if (id === undefined) return new Set()
  const { measures, per } = catalogue.signal(id)
  return new Set([...measures, ...(per === undefined || per === 'minute' ? [] : [per])])
}

/** @throws PostflightError INVALID_REQUEST */
function moment(name: string, text: unknown, otherwise: number): number {
  if (text === undefined) return otherwise
  const time = Date.parse(String(text))
  if (Number.isNaN(time))
    throw new PostflightError('INVALID_REQUEST', `--${name}: expected a time, got ${String(text)}`, {
      hint: `Such as --${name} 2026-11-01 or --${name} 2026-11-01T12:00:00Z; whole hours are counted.`,
    })
  return Math.floor(time / 1000)
}

async function storeTime(store: Store): Promise<number> {
  const [row] = await store.query<{ now: number }>('SELECT toUnixTimestamp(now()) AS now')
  return row?.now ?? 0
}

const iso = (seconds: number) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`

function outcomeText({ spans, rows, rests, restFrom, stopped }: BackfillOutcome): string {
  const counted = spans === 0 ? 'Nothing to count.' : `Counted ${rows} raw rows in ${spans} steps.`
  const rest =
    restFrom === undefined || stopped
      ? ''
      : ` The last of the past can be counted after ${iso(restFrom)}: run this again then.`
  return `${stopped ? `Stopped. ${counted} Run this again to go on.` : counted}${rest}\n${restsText(rests)}`
}

/** What was not told apart or not kept, by service and measure. */
function restsText(rests: BackfillOutcome['rests']): string {
  const of = Map.groupBy(rests, ({ service, environment, version, measure, streams }) =>
    JSON.stringify([service, environment, version, measure, streams]),
  )
  return [...of.values()]
    .map((days) => {
      const [first] = days
      const sum = (count: (rest: (typeof days)[number]) => number) =>
        days.reduce((all, day) => all + count(day), 0)
      const dates = new Set(days.map(({ at }) => iso(at).slice(0, 10)))
      const [records, all] = [sum(({ records }) => records), sum(({ of }) => of)]
      const most = Math.max(...days.map(({ values }) => values))
      const isFleet = first?.measure === INSTANCES
      const counted = `${isFleet ? 'instances' : 'values'} a day are counted as (other)`
      const what = first?.streams === true ? 'streams a day were not kept' : counted
      const whose = isFleet ? `${first.version} in ${first.environment}` : first?.measure
      return `${first?.service}, ${whose}: up to ${most} ${what} on ${dates.size} days: ${records} of ${all} records.\n`
    })
    .join('')
}

function verifiedText(verified: readonly Verified[]): string {
  const rows = verified
    .filter(({ cells }) => cells > 0)
    .map(({ measure, table: name, cells, differing }) => [
      measure,
      name,
      String(cells),
      differing === 0 ? 'agrees' : `${differing} differ`,
    ])
  const worst = verified.flatMap(({ measure, spans }) =>
    spans.map(
      ({ from, to, differing }) => `${measure}: ${differing} cells differ from ${iso(from)} to ${iso(to)}`,
    ),
  )
  const advice =
    worst.length === 0
      ? ''
      : `\n${worst.slice(0, 20).join('\n')}\nRows that came late are counted by postflight backfill; all of a span by postflight backfill --again --from <time> --to <time>.\n`
  return `${rows.length === 0 ? 'Nothing could be compared: there are no cells yet of whole days or hours.' : table(['Measure', 'Raw table', 'Cells', 'Recount'], rows, [24, 26, 8, 9])}\n${advice}`
}
