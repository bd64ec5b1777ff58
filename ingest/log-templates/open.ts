import type { Store } from '../../schemas/store/client.ts'
import { DRAIN_DEFAULTS, TEMPLATE_VERSION } from './drain.ts'
import { LogTemplates, type StoredTemplate } from './log-templates.ts'

/** The templates that any receiver has written, those seen last first. @throws PostflightError if the store cannot be read */
export async function openLogTemplates(store: Pick<Store, 'query'>): Promise<LogTemplates> {
  const templates = new LogTemplates()
  const rows = await store.query<StoredTemplate>(
    `SELECT name, pattern, toUnixTimestamp64Micro(first_seen)::Float64 / 1000 AS firstSeen
    FROM log_template FINAL WHERE version = {version:UInt8}
    ORDER BY last_seen DESC, id LIMIT {most:UInt32}`,
    // Some room is left, so that the first new lines do not push old ones out.
    { version: TEMPLATE_VERSION, most: DRAIN_DEFAULTS.maxTemplates - 256 },
  )
  templates.restore(rows)
  return templates
}
