import type { Gate } from '../../schemas/contracts/gate.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Store } from '../../schemas/store/client.ts'

/** A gate as it is kept. */
export interface StoredGate {
  readonly gate: Gate
  /** Id of a deployment that was over when the gate was opened, and is not the one that is meant; '' for none. */
  readonly ignoring: string
}

export interface GateFilter {
  readonly service?: string | undefined
  readonly environment?: string | undefined
  readonly version?: string | undefined
  readonly decision?: Gate['decision'] | undefined
}

/** @param now milliseconds: the newest row of a gate is the one that counts */
export async function storeGate(store: Store, { gate, ignoring }: StoredGate, now: number): Promise<void> {
  await store.insert('gates', [
    {
      id: gate.id,
      service: gate.service,
      environment: gate.environment,
      version: gate.version,
      deployment_id: gate.deploymentId ?? '',
      opened_at: gate.openedAt,
      until: gate.until,
      decision: gate.decision,
      outcome: gate.outcome,
      settled: gate.settled,
      ignoring,
      gate_json: JSON.stringify(gate),
      updated_at: new Date(now).toISOString(),
    },
  ])
}

/** @throws PostflightError NOT_FOUND */
export async function readGate(store: Store, id: string): Promise<StoredGate> {
  const [gate] = await read(store, 'id = {id:String}', { id })
  if (gate === undefined) {
    throw new PostflightError('NOT_FOUND', `There is no gate ${id}.`, {
      hint: 'POST /api/v1/gates opens one; GET /api/v1/gates lists them.',
    })
  }
  return gate
}

/** Newest first. */
export async function listGates(
  store: Store,
  filter: GateFilter,
  limit: number,
): Promise<readonly StoredGate[]> {
  return await read(
    store,
    `({service:String} = '' OR service = {service:String}) AND ({environment:String} = '' OR environment = {environment:String})
      AND ({version:String} = '' OR version = {version:String}) AND ({decision:String} = '' OR decision = {decision:String})`,
    {
      service: filter.service ?? '',
      environment: filter.environment ?? '',
      version: filter.version ?? '',
      decision: filter.decision ?? '',
    },
    limit,
  )
}

/** Gates that wait. */
export async function openGates(store: Store): Promise<readonly StoredGate[]> {
  return await read(store, 'NOT settled', {}, 1000)
}

/** The first gate that found a deployment regressed. */
export async function firstRegressed(store: Store, deploymentId: string): Promise<Gate | undefined> {
  const gates = await read(
    store,
    `settled AND outcome = 'regressed' AND deployment_id = {deploymentId:String}`,
    {
      deploymentId,
    },
  )
  return gates.at(-1)?.gate
}

async function read(
  store: Store,
  where: string,
  params: Record<string, unknown>,
  limit = 100,
): Promise<readonly StoredGate[]> {
  const rows = await store.query<{ gate: string; ignoring: string }>(
    `SELECT gate_json AS gate, ignoring FROM gates FINAL WHERE ${where} ORDER BY opened_at DESC, id LIMIT {limit:UInt32}`,
    { ...params, limit },
  )
  return rows.map((row) => ({ gate: JSON.parse(row.gate) as Gate, ignoring: row.ignoring }))
}
