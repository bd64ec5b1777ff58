import type { Mark, NewMark } from '../../schemas/contracts/mark.ts'
import type { Store } from '../../schemas/store/client.ts'

/** Keeps what somebody said; the newest word on a signal of a deployment counts. @param now milliseconds */
export async function storeMark(
  store: Store,
  deploymentId: string,
  told: NewMark,
  now: number,
): Promise<Mark | null> {
  const at = new Date(now).toISOString()
  const { mark, signal, dimension, note, by } = told
  await store.insert('marks', [
    { deployment_id: deploymentId, signal, dimension, mark: mark ?? '', note, by, at },
  ])
  return mark === null ? null : { deploymentId, signal, dimension, mark, note, by, at }
}

/** Newest first. */
export async function marksOf(store: Store, deploymentId: string): Promise<Mark[]> {
  const rows = await store.query<Omit<Mark, 'deploymentId' | 'at'> & { told: number }>(
    `SELECT signal, dimension, mark, note, by, toUnixTimestamp64Milli(at) AS told FROM marks FINAL
    WHERE deployment_id = {deploymentId:String} AND mark != '' ORDER BY at DESC, signal, dimension`,
    { deploymentId },
  )
  return rows.map(({ told, ...row }) => ({ ...row, deploymentId, at: new Date(told).toISOString() }))
}

/** Of all deployments, newest first. @param limit at most so many */
export async function allMarks(
  store: Store,
  of: { readonly service: string | undefined; readonly environment: string | undefined },
  limit: number,
): Promise<Mark[]> {
  const rows = await store.query<Omit<Mark, 'at'> & { told: number }>(
    `SELECT deployment_id AS deploymentId, signal, dimension, mark, note, by, toUnixTimestamp64Milli(at) AS told FROM marks FINAL
    WHERE mark != '' AND deployment_id IN (SELECT id FROM deployments FINAL
      WHERE ({service:String} = '' OR service = {service:String}) AND ({environment:String} = '' OR environment = {environment:String}))
    ORDER BY at DESC, deployment_id, signal, dimension LIMIT {limit:UInt32}`,
    { service: of.service ?? '', environment: of.environment ?? '', limit },
  )
  return rows.map(({ told, ...row }) => ({ ...row, at: new Date(told).toISOString() }))
}
