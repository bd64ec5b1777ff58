import { Command, type CommanderError } from 'commander'
import { settings } from '../../schemas/config-settings.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { nearestName } from '../../schemas/nearest-name.ts'
import { backfillCommand } from './backfill.ts'
import { configCommand } from './config.ts'
import { consumeCommand } from './consume.ts'
import { type CliContext, packageVersion, writeJson } from './context.ts'
import { demoCommand } from './demo.ts'
import { deployCommand } from './deploy.ts'
import { doctorCommand } from './doctor.ts'
import { evaluateCommand } from './evaluate.ts'
import { EXIT, exitCodeOfError } from './exit-codes.ts'
import { gateCommand } from './gate.ts'
import { keysCommand } from './keys.ts'
import { markCommand } from './mark.ts'
import { migrateCommand } from './migrate.ts'
import { acknowledgeCommand, muteCommand } from './mute.ts'
import { notifyCommand } from './notify.ts'
import { planCommand } from './plan.ts'
import { releasesCommand } from './releases.ts'
import { reportCommand } from './report.ts'
import { sendCommand } from './send.ts'
import { shadowCommand } from './shadow.ts'
import { trendsCommand } from './trends.ts'
import { upCommand } from './up.ts'
import { verifyCommand } from './verify.ts'

const context: CliContext = {
  env: process.env,
  cwd: process.cwd(),
  clock: Date.now,
  out: process.stdout,
  err: process.stderr,
  exit: (code) => {
    process.exitCode = code
  },
  stopAsked: () =>
    new Promise((resolve) => {
      let asked = 0
      const ask = () => {
        asked += 1
        // Who asks twice does not want to wait.
        if (asked > 1) process.exit(130)
        resolve()
      }
      process.on('SIGINT', ask)
      process.on('SIGTERM', ask)
    }),
}

const program = new Command('postflight')
  .description('Did this release make things worse?')
  .version(packageVersion())
  .addCommand(upCommand(context), { isDefault: true })
  .addCommand(demoCommand(context))
  .addCommand(reportCommand(context))
  .addCommand(verifyCommand(context))
  .addCommand(planCommand(context))
  .addCommand(trendsCommand(context))
  .addCommand(releasesCommand(context))
  .addCommand(deployCommand(context))
  .addCommand(gateCommand(context))
  .addCommand(shadowCommand(context))
  .addCommand(markCommand(context))
  .addCommand(evaluateCommand(context))
  .addCommand(sendCommand(context))
  .addCommand(consumeCommand(context))
  .addCommand(notifyCommand(context))
  .addCommand(muteCommand(context))
  .addCommand(acknowledgeCommand(context))
  .addCommand(keysCommand(context))
  .addCommand(configCommand(context))
  .addCommand(migrateCommand(context))
  .addCommand(backfillCommand(context))
  .addCommand(doctorCommand(context))

for (const command of [
  program,
  ...program.commands,
  ...program.commands.flatMap((child) => child.commands),
]) {
  command.exitOverride((error) => {
    if (error.exitCode === 0) process.exit(EXIT.healthy)
    // Commander has told people already, but knows no names of settings: they are hidden in its help.
    const [message = '', own = ''] = error.message.replace(/^error: /, '').split('\n')
    const hint = own.replace(/^\((.*)\)$/, '$1') || nearestSetting(error)
    if (own === '' && hint !== '') process.stderr.write(`(${hint})\n`)
    if (process.argv.includes('--json'))
      writeJson(context, { error: { code: 'INVALID_REQUEST', message, hint } })
    process.exit(EXIT.usage)
  })
}

try {
  refuseUnknown(process.argv[2])
  await program.parseAsync()
} catch (error) {
  fail(error)
}
// What a library has left open (kafkajs, connections of producers that were given up) must not keep a process that is done.
for (const stream of [process.stdout, process.stderr]) await new Promise((done) => stream.write('', done))
process.exit()

function nearestSetting({ code, message }: CommanderError): string {
  const name = /'--([^']+)'/.exec(message)?.[1]
  if (code !== 'commander.unknownOption' || name === undefined) return ''
  const near = nearestName(
    name,
    settings().map(({ path }) => path),
  )
  return near === undefined ? '' : `Did you mean --${near}?`
}

/** Commander would take it for an argument of the default command. @throws PostflightError INVALID_REQUEST */
function refuseUnknown(asked: string | undefined): void {
  if (asked === undefined || asked.startsWith('-') || asked === 'help') return
  const names = program.commands.flatMap((command) => [command.name(), ...command.aliases()])
  if (names.includes(asked)) return
  const near = nearestName(asked, names)
  throw new PostflightError('INVALID_REQUEST', `There is no command "${asked}".`, {
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}\`postflight --help\` lists the commands.`,
  })
}

function fail(error: unknown): void {
  const known = error instanceof PostflightError
  const message = error instanceof Error ? error.message : String(error)
  const hint = known ? error.hint : ''
  if (process.argv.includes('--json'))
    writeJson(context, { error: { code: known ? error.code : 'INTERNAL', message, hint } })
  const told = hint === '' ? message : `${message}\n${hint}`
  process.stderr.write(`${known ? told : `${error instanceof Error ? (error.stack ?? message) : message}`}\n`)
  process.exitCode = known ? exitCodeOfError(error.code) : EXIT.failed
}
