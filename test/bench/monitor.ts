import { parseArgs } from 'node:util'
import { ensureDebianPackages } from '../setup/debian-packages.ts'
import { measureKills } from './monitor-kills.ts'
import { measureLook } from './monitor-look.ts'
import { measurePages } from './monitor-pages.ts'
import { blameElsewhere, watchQuiet } from './monitor-simulation.ts'

/** What the monitor promises: pages soon, hardly ever falsely, about the right thing, cheaply, and once. */
const PARTS = ['pages', 'quiet', 'blame', 'look', 'kills'] as const
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: PARTS.join(',') },
    deployments: { type: 'string' },
    seed: { type: 'string', default: '1' },
    /** Of retries in quiet traffic: short (a minute) or long (up to five). */
    storms: { type: 'string', default: 'short' },
  },
})
const say = (text: string) => {
  if (!values.json) console.log(text)
}
const wanted = new Set(values.only.split(','))
for (const part of wanted) {
  if (!(PARTS as readonly string[]).includes(part))
    throw new Error(`--only: expected some of ${PARTS.join(', ')}, got ${part}`)
}
const asks = (part: (typeof PARTS)[number]) => wanted.has(part)
if (asks('pages') || asks('kills'))
  ensureDebianPackages({ 'prometheus-alertmanager': '/usr/bin/prometheus-alertmanager' })

const seed = Number(values.seed)
/** Seconds with the old version before the new one. */
const settle = values.quick ? 20 : 70
const runPages = async () =>
  asks('pages') ? await measurePages(values.quick ? 2 : 5, settle, say) : undefined
const runKills = async () =>
  asks('kills') ? await measureKills(values.quick ? 5 : 30, settle, say) : undefined
// Both wait most of their time: the short form has them at once, each with a Postflight and an Alertmanager of its own.
const [pages, early] = values.quick
  ? await Promise.all([runPages(), runKills()])
  : [await runPages(), undefined]
const deployments = Number(values.deployments ?? (values.quick ? 50 : 1000))
const { storms } = values
if (storms !== 'short' && storms !== 'long')
  throw new Error(`--storms: expected short or long, got ${storms}`)
const quiet = asks('quiet') ? watchQuiet(deployments, seed, 1440, storms) : undefined
if (quiet !== undefined)
  say(
    `quiet deployments paged: ${quiet.paged} of ${quiet.deployments} (${quiet.looks} looks); ${quiet.healthy} ended healthy, undecided ${JSON.stringify(quiet.undecided)}\n${quiet.reasons.map((line) => `    ${line}`).join('\n')}`,
  )
const blame = asks('blame') ? blameElsewhere(values.quick ? 40 : 200, seed + 50_000) : undefined
if (blame !== undefined)
  say(
    `incidents elsewhere: ${blame.right} of ${blame.incidents} not put down to the release, ${blame.silent} of them without any incident\n${blame.wrong.map((line) => `    ${line}`).join('\n')}`,
  )
const look = asks('look') ? await measureLook(values.quick ? 40 : 200, say) : undefined
if (look !== undefined)
  say(
    `a look at ${look.services} services: ${look.lookSeconds.toFixed(2)} s CPU (monitor ${look.monitorSeconds.toFixed(2)}, engine ${look.engineSeconds.toFixed(2)}), ${look.rssMb} MB`,
  )
const kills = values.quick ? early : await runKills()
if (kills !== undefined) say(`after ${kills.kills} kills: ${kills.pages} pages, ${kills.resolves} resolves`)

if (values.json) {
  console.log(
    JSON.stringify({
      pageSecondsMedianX5: pages?.medianX5 ?? null,
      pageSecondsMedianX2: pages?.medianX2 ?? null,
      falselyPagedShare: quiet === undefined ? null : quiet.paged / quiet.deployments,
      deployments: quiet?.deployments ?? null,
      blamedRightShare: blame === undefined ? null : blame.right / blame.incidents,
      lookSeconds: look?.lookSeconds ?? null,
      rssMb: look?.rssMb ?? null,
      pagesAfterKills: kills?.pages ?? null,
      resolvesAfterKills: kills?.resolves ?? null,
    }),
  )
}
process.exit(0)
