import { randomUUID } from 'node:crypto'
import type { Mute, NewMute } from '../../schemas/contracts/mute.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Store } from '../../schemas/store/client.ts'

interface Row {
  id: string
  alert_id: string
  service: string
  environment: string
  starts: number
  ends: number
  reason: string
  created_by: string
  created: number
}

const MINUTE = 60_000

/** @throws PostflightError INVALID_REQUEST if it ends before it begins, or is over */
export async function createMute(store: Store, mute: NewMute, now: number): Promise<Mute> {
  const starts = mute.startsAt === undefined ? now : Date.parse(mute.startsAt)
  const ends = mute.endsAt === undefined ? starts + (mute.minutes ?? 0) * MINUTE : Date.parse(mute.endsAt)
  if (ends <= starts || ends <= now) {
    throw new PostflightError(
      'INVALID_REQUEST',
      `endsAt: expected a moment after the start and after now, got ${iso(ends)}`,
      {
        hint: 'Such as minutes: 120.',
        details: { field: 'endsAt' },
      },
    )
  }
  const made: Mute = {
    id: randomUUID(),
    alertId: mute.alertId,
    service: mute.service,
    environment: mute.environment,
    startsAt: iso(starts),
    endsAt: iso(ends),
    reason: mute.reason,
    by: mute.by,
    createdAt: iso(now),
  }
  await storeMute(store, made, now)
  return made
}

/** Ends a mute now. @throws PostflightError NOT_FOUND */
export async function endMute(store: Store, id: string, now: number): Promise<Mute> {
  const mute = (await listMutes(store, 0)).find((one) => one.id === id)
  if (mute === undefined)
    throw new PostflightError('NOT_FOUND', `There is no mute ${id}.`, {
      hint: '`postflight mute --list` shows them.',
    })
  const ended = { ...mute, endsAt: iso(Math.min(now, Date.parse(mute.endsAt))) }
  await storeMute(store, ended, now)
  return ended
}

/** Mutes that had not ended at that moment (milliseconds), the next to end first. */
export async function listMutes(store: Store, endsAfter: number): Promise<readonly Mute[]> {
  const rows = await store.query<Row>(
    `SELECT id, alert_id, service, environment, toUnixTimestamp64Milli(starts_at) AS starts, toUnixTimestamp64Milli(ends_at) AS ends,
      reason, created_by, toUnixTimestamp64Milli(created_at) AS created
    FROM alert_mute FINAL WHERE ends_at > fromUnixTimestamp64Milli({endsAfter:Int64}) ORDER BY ends_at, id`,
    { endsAfter },
  )
  return rows.map((row) => ({
    id: row.id,
    alertId: row.alert_id,
    service: row.service,
    environment: row.environment,
    startsAt: iso(row.starts),
    endsAt: iso(row.ends),
    reason: row.reason,
    by: row.created_by,
    createdAt: iso(row.created),
  }))
}

async function storeMute(store: Store, mute: Mute, now: number): Promise<void> {
  await store.insert('alert_mute', [
    {
      id: mute.id,
      alert_id: mute.alertId,
      service: mute.service,
      environment: mute.environment,
      starts_at: mute.startsAt,
      ends_at: mute.endsAt,
      reason: mute.reason,
      created_by: mute.by,
      created_at: mute.createdAt,
      updated_at: iso(now),
    },
  ])
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
