import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'

/** Rows as they stand in the file: unsorted, with repeats and gaps. */
export interface DataSeries {
  /** Within the folder; names the series in results and nowhere else. */
  readonly path: string
  readonly source: string
  /** Most common step in seconds; undefined where there is no fixed one. */
  readonly step: number | undefined
  /** Seconds since the epoch; row numbers where the source has no times. */
  readonly times: Float64Array
  /** One array a column; NaN for a missing value. */
  readonly columns: readonly Float64Array[]
  /** What `labels.json` beside the file says of it, as it is there. */
  readonly labels: unknown
}

const MANIFEST = z.array(
  z.looseObject({
    path: z.string(),
    source: z.string(),
    step_seconds: z.number().positive().nullish(),
  }),
)

/** Where the series were published that this evaluation was made with. */
export const PUBLISHED =
  'github.com/numenta/NAB, github.com/microsoft/cloud-monitoring-dataset, github.com/alan-turing-institute/TCPD, ' +
  'github.com/open-telemetry/opentelemetry-js (branch gh-pages), github.com/apache/otava'

/**
 * Reads a folder of series: `manifest.json`, an array of `{path, source, step_seconds}`; per entry a CSV `timestamp,value` (or
 * `timestamp,v1,...,vk`), timestamps ISO 8601 with Z or 0-based row numbers, missing values as empty fields; optionally `labels.json` beside the
 * CSV, keyed by file name.
 * @throws Error naming file and field that cannot be read
 */
export async function readSeries(folder: string): Promise<readonly DataSeries[]> {
  const file = join(folder, 'manifest.json')
  const manifest = MANIFEST.safeParse(await json(file))
  if (!manifest.success) throw new Error(`${file}: ${z.prettifyError(manifest.error)}`)
  const labels = new Map<string, Record<string, unknown>>()
  const all: DataSeries[] = []
  for (const entry of manifest.data) {
    const path = join(folder, entry.path)
    const beside = join(dirname(path), 'labels.json')
    if (!labels.has(beside)) labels.set(beside, (await json(beside, true)) as Record<string, unknown>)
    const { times, columns } = parseCsv(await readFile(path, 'utf8'), path)
    all.push({
      path: entry.path,
      source: entry.source,
      step: entry.step_seconds ?? undefined,
      times,
      columns,
      labels: labels.get(beside)?.[entry.path.slice(entry.path.lastIndexOf('/') + 1)],
    })
  }
  return all
}

async function json(file: string, optional = false): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new Error(`${file} cannot be read: ${(error as Error).message}`)
  }
}

/** @throws Error naming the line that is not a row of numbers */
export function parseCsv(
  text: string,
  name: string,
): { readonly times: Float64Array; readonly columns: readonly Float64Array[] } {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const width = (lines[0] ?? '').split(',').length - 1
  if (width < 1) throw new Error(`${name}: expected a header "timestamp,value", got "${lines[0] ?? ''}"`)
  const times = new Float64Array(lines.length - 1)
  const columns = Array.from({ length: width }, () => new Float64Array(lines.length - 1))
  for (let row = 0; row < times.length; row++) {
    const fields = (lines[row + 1] as string).split(',')
    const stamp = fields[0] as string
    const time = /^\d+$/.test(stamp) ? Number(stamp) : Date.parse(stamp) / 1000
    const values = fields.slice(1).map((field) => (field === '' ? Number.NaN : Number(field)))
    const wrong = values.some((value, at) => Number.isNaN(value) && fields[at + 1] !== '')
    if (Number.isNaN(time) || wrong || values.length !== width) {
      throw new Error(
        `${name}: line ${row + 2} is no row of a time and ${width} numbers: "${lines[row + 1]}"`,
      )
    }
    times[row] = time
    for (const [at, value] of values.entries()) (columns[at] as Float64Array)[row] = value
  }
  return { times, columns }
}
