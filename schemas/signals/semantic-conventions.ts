import { attribute } from './sql.ts'

/**
 * What OpenTelemetry's semantic conventions renamed, as far as Postflight reads it: each thing once, under its present name, with the names that it had
 * before, newest first. Old and new names are one signal. A program that sends both (`OTEL_SEMCONV_STABILITY_OPT_IN=http/dup,database/dup`) is counted once:
 * of a span's attributes the newest that is there is read; of a metric that comes under two names, one (see {@link OLDER_METRICS}).
 * Requests, calls and queries are counted by their spans; the conventions' duration metrics of the same requests (`http.server.request.duration`,
 * before `http.server.duration`) are not read besides, so that they cannot count twice under any name.
 */
export const OLDER_ATTRIBUTES = {
  // HTTP, and where a call goes to
  'http.request.method': ['http.method'],
  'http.response.status_code': ['http.status_code'],
  'url.path': ['http.target'],
  'user_agent.original': ['http.user_agent'],
  'server.address': ['net.peer.name'],
  'service.peer.name': ['peer.service'],
  'messaging.destination.name': ['messaging.destination'],
  // databases
  'db.system.name': ['db.system'],
  'db.query.text': ['db.statement'],
  'db.operation.name': ['db.operation'],
  'db.client.connection.state': ['state'],
  // resources
  'deployment.environment.name': ['deployment.environment'],
  // attributes of metrics of processes, run times and hosts
  'cpu.mode': ['process.cpu.state', 'system.cpu.state', 'state'],
  'system.memory.state': ['state'],
  'system.filesystem.mountpoint': ['mountpoint', 'system.device', 'device'],
  'network.io.direction': ['direction'],
  'disk.io.direction': ['direction'],
  'jvm.memory.pool.name': ['pool'],
  'jvm.gc.name': ['gc'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** String SQL: an attribute by its present name, or by the newest of its older ones. */
export function conventional(map: string, name: keyof typeof OLDER_ATTRIBUTES): string {
  return attribute(map, name, ...OLDER_ATTRIBUTES[name])
}

/**
 * Metrics by their present name, with the names that they had. A measure of the present name gets a twin of the older ones, and for each version the one
 * with more points is read, the present one if they are equal (Signal.measures): never both.
 */
export const OLDER_METRICS: Readonly<Record<string, readonly string[]>> = {
  'db.client.connection.count': ['db.client.connections.usage'],
  'db.client.connection.pending_requests': ['db.client.connections.pending_requests'],
  'jvm.memory.used': ['process.runtime.jvm.memory.usage'],
  'jvm.gc.duration': ['process.runtime.jvm.gc.duration'],
  'process.cpu.utilization': ['process.runtime.cpython.cpu.utilization'],
  'process.cpu.time': ['process.runtime.cpython.cpu_time'],
  'container.cpu.usage': ['container.cpu.utilization'],
}
