/**
 * `npm run evaluate -- [--data <folder>] [--only A,B] [--quick] [--json] [--seed N] [--results <file>]`: measures what the methods promise. The long
 * form writes a section for each part into results.md; `--json` writes nothing and ends with one line of JSON.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SingleBar } from 'cli-progress'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Part } from './part.ts'
import { PARTS } from './parts.ts'
import { withSection } from './results-file.ts'
import { PUBLISHED } from './series.ts'

interface Options {
  readonly data?: string
  readonly only: readonly Part[]
  readonly quick: boolean
  readonly json: boolean
  readonly seed: number
  readonly results: string
}

const program = new Command('evaluate')
  .description('Measure what the methods promise, beside other methods.')
  .option('--data <folder>', `real series: manifest.json and CSV files (published at ${PUBLISHED})`)
  .addOption(
    new Option('--only <letters>', `parts: ${PARTS.map((part) => `${part.letter} ${part.title}`).join('; ')}`)
      .argParser(partsOf)
      .default(PARTS, 'all'),
  )
  .option('--quick', 'the short form, with wide limits; results.md is not written', false)
  .option('--json', 'end with one line of JSON; results.md is not written', false)
  .option('--seed <n>', 'seed of all chance', integer, 1)
  .addOption(
    new Option('--results <file>', 'where sections are written').default(
      join(import.meta.dirname, 'results.md'),
      'test/evaluation/results.md',
    ),
  )
  .parse()

await evaluate(program.opts<Options>())

async function evaluate(options: Options): Promise<void> {
  const needy = options.only.filter((part) => part.needsData)
  if (options.data === undefined && needy.length > 0) {
    program.error(
      `error: part ${needy.map((part) => part.letter).join(', ')} needs --data <folder>, real series as CSV with a manifest.json; published at ${PUBLISHED}`,
    )
  }
  const result: Record<string, unknown> = {}
  for (const part of options.only) {
    const { run } = await part.load()
    const bar = progressBar(`${part.letter}. ${part.title}`)
    const started = process.cpuUsage()
    const done = await run({
      data: options.data,
      quick: options.quick,
      seed: options.seed,
      progress: bar.update,
    })
    const used = process.cpuUsage(started)
    bar.stop()
    Object.assign(result, done.json)
    const seconds = Math.round((used.user + used.system) / 1e6)
    const flags = ['--only', part.letter, ...(part.needsData ? ['--data', '<folder>'] : [])].join(' ')
    const command = `npm run evaluate -- ${flags}${options.quick ? ' --quick' : ''} --seed ${options.seed}`
    const body = `Command: \`${command}\`; ${seconds} s of CPU, Node ${process.versions.node}.\n\n${done.section}`
    const heading = `${part.letter}. ${part.title}`
    if (!options.json) console.log(`## ${heading}\n\n${body.trim()}\n`)
    if (!options.json && !options.quick) {
      writeFileSync(options.results, withSection(readFileSync(options.results, 'utf8'), heading, body))
      for (const [name, content] of Object.entries(done.files ?? {})) {
        writeFileSync(join(dirname(options.results), name), content)
      }
    }
  }
  if (options.json) console.log(JSON.stringify(result))
}

function progressBar(name: string): { update: (share: number) => void; stop: () => void } {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} }
  const bar = new SingleBar({ format: `${name} {bar} {percentage} %`, stream: process.stderr })
  bar.start(1, 0)
  return { update: (share) => bar.update(share), stop: () => bar.stop() }
}

function partsOf(letters: string): readonly Part[] {
  return letters.split(',').map((letter) => {
    const part = PARTS.find((known) => known.letter === letter.trim().toUpperCase())
    if (part === undefined) {
      throw new InvalidArgumentError(
        `There is no part "${letter}"; there are ${PARTS.map((p) => p.letter).join(', ')}.`,
      )
    }
    return part
  })
}

function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Not a whole number.')
  return Number(text)
}
