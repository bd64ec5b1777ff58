import { attribute } from './sql.ts'

/**
 * What OpenTelemetry's semantic conventions renamed, as far as Postflight reads it: each thing once, under its present name, with the names that it had
 * before, newest first. Old and new names are one signal. A program that sends both (`OTEL_SEMCONV_STABILITY_OPT_IN=http/dup,database/dup`) is counted once:
 * of a span's attributes the newest that is there is read; of a metric that comes under two names, one (see {@link OLDER_METRICS}).
 * Requests, calls and queries are counted by their spans, or by the conventions' duration metrics of the same requests (`http.server.request.duration`,
 * before `http.server.duration`) where there are no spans; never by both.
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
  // RPC: the status had a name for each system; `rpc.method` has its service in it now, which stood apart as `rpc.service` (rpcService)
  'rpc.response.status_code': [
    'rpc.grpc.status_code',
    'rpc.connect_rpc.error_code',
    'rpc.jsonrpc.error_code',
  ],
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

/** String SQL: the service of a remote call. */
export function rpcService(map: string): string {
  const method = `${map}['rpc.method']`
  return `multiIf(${map}['rpc.service'] != '', ${map}['rpc.service'], position(${method}, '/') > 0, substring(${method}, 1, length(${method}) - position(reverse(${method}), '/')), '')`
}

/** String SQL: `package.Service/Method`, as gRPC's spans are called. */
export function rpcMethod(map: string): string {
  return `if(${map}['rpc.service'] = '', ${map}['rpc.method'], concat(${map}['rpc.service'], '/', ${map}['rpc.method']))`
}

/**
 * Metrics by their present name, with the names that they had. A measure of the present name gets a twin of the older ones, and for each version the one
 * with more points is read, the present one if they are equal (Signal.measures): never both.
 */
export const OLDER_METRICS: Readonly<Record<string, readonly string[]>> = {
  'http.server.request.duration': ['http.server.duration'],
  'http.client.request.duration': ['http.client.duration'],
  'rpc.server.call.duration': ['rpc.server.duration'],
  'rpc.client.call.duration': ['rpc.client.duration'],
  'db.client.connection.count': ['db.client.connections.usage'],
  'db.client.connection.pending_requests': ['db.client.connections.pending_requests'],
  'jvm.memory.used': ['process.runtime.jvm.memory.usage'],
  'jvm.gc.duration': ['process.runtime.jvm.gc.duration'],
  'process.cpu.utilization': ['process.runtime.cpython.cpu.utilization'],
  'process.cpu.time': ['process.runtime.cpython.cpu_time'],
  'container.cpu.usage': ['container.cpu.utilization'],
}
