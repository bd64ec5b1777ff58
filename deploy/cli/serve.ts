import type { Logger } from 'pino'
import type { Postflight } from '../../postflight.ts'
import type { Config } from '../../schemas/config.ts'
import { startSelfObservation } from '../self-observation.ts'
import { type CliContext, createLogger, packageVersion } from './context.ts'

export interface Service {
  readonly postflight: Postflight
  readonly logger: Logger
  close(): Promise<void>
}

/** Postflight as a process of its own runs it, with its own telemetry. @throws as startPostflight */
export async function startService(context: CliContext, config: Config): Promise<Service> {
  const observation = startSelfObservation(config, packageVersion())
  const logger = createLogger(config, [
    context.err.isTTY ? readable(context.err) : context.err,
    observation.logStream,
  ])
  try {
    // Imported only now: meters that are made before the SDK is registered measure nothing.
    const { startPostflight } = await import('../../postflight.ts')
    const postflight = await startPostflight({
      config,
      logger,
      clock: context.clock,
      selfObservation: observation,
    })
    const close = async () => {
      await postflight.close()
      await observation.close()
    }
    return { postflight, logger, close }
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
