import type { Logger } from 'pino'
import type { Postflight, PostflightOptions, RunningConsumer } from '../../postflight.ts'
import type { Config } from '../../schemas/config.ts'
import { startSelfObservation } from '../self-observation.ts'
import { type CliContext, createLogger, packageVersion } from './context.ts'
import { outages } from './outages.ts'

export interface Service<Running> {
  readonly running: Running
  readonly logger: Logger
  close(): Promise<void>
}

/** Postflight as a process of its own runs it, with its own telemetry. @throws as startPostflight */
export async function startService(context: CliContext, config: Config): Promise<Service<Postflight>> {
  return await start(context, config, async (options) => {
    const { startPostflight } = await import('../../postflight.ts')
    return await startPostflight(options)
  })
}

/** The same for a process that only stores what is in Kafka. @throws as startConsumer */
export async function startConsumerService(
  context: CliContext,
  config: Config,
): Promise<Service<RunningConsumer>> {
  return await start(context, config, async (options) => {
    const { startConsumer } = await import('../../postflight.ts')
    return await startConsumer(options)
  })
}

async function start<Running extends { close(): Promise<void> }>(
  context: CliContext,
  config: Config,
  // Imports the wiring only when it is called: meters that are made before the SDK is registered measure nothing.
  open: (options: PostflightOptions) => Promise<Running>,
): Promise<Service<Running>> {
  const observation = startSelfObservation(config, packageVersion())
  const away = outages(context.clock)
  const logger = createLogger(
    config,
    [context.err.isTTY ? readable(context.err) : context.err, observation.logStream],
    away,
  )
  try {
    const running = await open({
      config,
      logger,
      clock: context.clock,
      selfObservation: observation,
      onAnswer: (by) => away.answered(by, logger),
    })
    const close = async () => {
      await running.close()
      await observation.close()
    }
    return { running, logger, close }
  } catch (error) {
    await observation.close()
    throw error
  }
}

/** On a terminal, what needs a person: warnings and errors, without JSON. */
function readable(terminal: NodeJS.WriteStream): { write(line: string): void } {
  return {
    write(line) {
      const { level, msg, err } = JSON.parse(line) as {
        level: number
        msg?: string
        err?: { message: string }
      }
      if (level >= 40)
        terminal.write(
          `${level >= 50 ? 'error' : 'warning'}: ${msg ?? ''}${err === undefined ? '' : ` (${err.message})`}\n`,
        )
    },
  }
}
