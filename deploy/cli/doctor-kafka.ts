import { type KafkaSurvey, surveyKafka } from '../../ingest/kafka/survey.ts'
import type { Config } from '../../schemas/config.ts'
import { PostflightError } from '../../schemas/errors.ts'
import { type CliContext, createLogger } from './context.ts'
import type { Finding } from './finding.ts'

/** Messages behind which telemetry is minutes late. */
const MUCH_LAG = 10_000

/** Whether the brokers answer, what waits in their topics, and whether somebody stores it. */
export async function kafkaFindings(
  { kafka: settings }: Config,
  context: CliContext,
): Promise<readonly Finding[]> {
  if (settings.brokers.length === 0) return []
  const logger = createLogger({ logLevel: 'silent' } as Config, [context.err])
  try {
    return surveyFindings(await surveyKafka(settings, logger), settings.group)
  } catch (error) {
    if (!(error instanceof PostflightError)) throw error
    return [{ check: 'kafka', level: 'problem', found: error.message, advice: error.hint }]
  }
}

export function surveyFindings({ topics, consumers }: KafkaSurvey, group: string): readonly Finding[] {
  const waits = topics.some(({ waiting }) => waiting > 0)
  const members: Finding = {
    check: `consumers of the group ${group}`,
    level: consumers === 0 && waits ? 'warning' : 'ok',
    found: consumers === 0 ? 'none' : String(consumers),
    advice:
      consumers === 0 && waits
        ? 'Nothing stores what waits: start postflight consume (or postflight up).'
        : '',
  }
  return [
    ...topics.map(({ topic, partitions, waiting }): Finding => {
      const check = `topic ${topic}`
      if (partitions === 0)
        return {
          check,
          level: 'warning',
          found: 'not there yet',
          advice: 'Postflight makes it when it starts.',
        }
      const found = `${partitions} partitions, ${waiting} request${waiting === 1 ? '' : 's'} not stored yet`
      if (waiting <= MUCH_LAG) return { check, level: 'ok', found, advice: '' }
      return {
        check,
        level: 'warning',
        found,
        advice: 'Does the store answer, and do its consumers keep up? More of them take a share each.',
      }
    }),
    members,
  ]
}
