import { OTHER } from './other.ts'
import { sqlString } from './sql.ts'

/** What bounded instances stand under in table `dimension_rest`, where others have a measure. */
export const INSTANCES = 'instance'

/** In memory, from migrations/0027-kept-instances.sql: what views look instances up in. */
export const INSTANCES_LOOKED_UP = 'kept_instance_now'

/**
 * String SQL over `cells`: the instance, or {@link OTHER} of those that are not kept. What is kept depends on service, environment, version and the cell's own minute only, and
 * is written down before that minute (for the past: before its day is counted for good), as of dimensions. Streams keep their identity, which is not their instance's name.
 * @param of.history true: what is decided for the past
 * @param of.database where that is looked up; absent: in the session's database
 */
export function boundedInstance(of: { readonly history?: boolean; readonly database?: string }): string {
  const table = sqlString(
    of.database === undefined ? INSTANCES_LOOKED_UP : `${of.database}.${INSTANCES_LOOKED_UP}`,
  )
  const other = sqlString(OTHER)
  // Planned in every insert, so one function asks for both: of what is not there it has 0, and a second less is the latest time there is. No name is kept before the rest is put together.
  const holds = `toUInt32(joinGet(${table}, 'since', cells.service, cells.environment, cells.version, ${of.history === true}, toDate(cells.time, 'UTC'), name) - 1) < toUnixTimestamp(cells.time)`
  return `if(arrayCount(name -> ${holds}, [${other}, cells.instance]) = 1, ${other}, cells.instance)`
}
