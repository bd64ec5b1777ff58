import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { summarise } from './demo-judgement.ts'
import { evaluateSeed, type SeedResult } from './demo-seed.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '42' },
    days: { type: 'string', default: '42' },
    results: { type: 'string', default: '.postflight/evaluation' },
    json: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
  },
})

/** `1..20`, `42`, `42,1001..1003`. */
function seedsOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split('..').map(Number)
    if (!Number.isInteger(first) || !Number.isInteger(last) || last < first) {
      throw new RangeError(`--seeds takes numbers and ranges such as 1..20, not "${text}"`)
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

// Kept per seed, so that a long evaluation goes on where it was broken off.
mkdirSync(values.results, { recursive: true })
const results: SeedResult[] = []
for (const seed of seedsOf(values.seeds)) {
  const file = join(values.results, `demo-${seed}-${values.days}-days.json`)
  if (!values.again && existsSync(file)) {
    results.push(JSON.parse(readFileSync(file, 'utf8')) as SeedResult)
    continue
  }
  const result = await evaluateSeed(seed, Math.floor(Date.now() / 60_000) * 60_000, Number(values.days))
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
  results.push(result)
  if (!values.json) console.log(`seed ${seed}: ${JSON.stringify(summarise(result.judged))}`)
}

const all = results.flatMap((result) => result.judged)
const summary = summarise(all)
const wrong = results.flatMap((result) =>
  result.judged
    .filter((one) => one.outcome === 'missed' || one.outcome === 'false_alarm')
    .map((one) => ({ seed: result.seed, ...one })),
)
if (values.json) {
  console.log(JSON.stringify({ seeds: results.map((result) => result.seed), ...summary, wrong }))
} else {
  const table = new Table({ head: ['seed', 'spans', 'ingest s', 'first final s', 'all reports s', 'wrong'] })
  for (const result of results) {
    table.push([
      result.seed,
      result.spans,
      result.ingestSeconds.toFixed(1),
      result.firstFinalReportSeconds?.toFixed(1) ?? '-',
      result.reportsSeconds.toFixed(1),
      wrong.filter((one) => one.seed === result.seed).length,
    ])
  }
  console.log(table.toString())
  for (const one of wrong) {
    console.log(
      `\n${one.outcome}: seed ${one.seed} ${one.service}@${one.version} ${one.kind} (${one.rollout}, ${one.told}), ${one.state}, ${one.design}`,
    )
    console.log(`  planted: ${one.description}`)
    for (const line of one.evidence) console.log(`  ${line}`)
  }
  console.log(`\n${JSON.stringify(summary)}`)
}
process.exitCode = summary.regressionsFound < summary.regressions || summary.mixBlamed > 0 ? 1 : 0
