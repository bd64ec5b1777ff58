import { hostname } from 'node:os'
import { z } from 'zod'
import { secretShape } from './secret.ts'

const seconds = z.coerce.number().min(1).max(86_400)
const size = z.coerce.number().int().min(1)
const url = z.url({ protocol: /^https?$/ }).refine((text) => !/^https?:\/\/[^/]*@/.test(text), {
  message: 'no name and password in an address: they would be logged; use username and passwordFile',
})

/** Environment variables and flags are text. */
const flag = z.union([z.boolean(), z.stringbool()])

/** What is said of everything that a collector reads. */
const source = {
  /** deployment.environment.name. */
  environment: z.string().min(1).default('default'),
  /** Services that use it: their reports judge it too. */
  services: z.array(z.string().min(1)).default([]),
}

const prometheusTarget = z.strictObject({
  url,
  /** service.name of what its labels do not say; empty: host and port. */
  name: z.string().default(''),
  /** service.version of what its labels do not say. */
  version: z.string().default(''),
  ...source,
  /** Resource attribute -> `label` of each series, or `metric{label}` of the whole target, such as `app_build_info{version}`. */
  labels: z.record(z.string().min(1), z.string().min(1)).default({}),
  intervalSeconds: seconds.default(30),
  timeoutSeconds: seconds.default(10),
  /** Bytes of an answer, decompressed; samples. */
  maxBytes: size.default(16 * 2 ** 20),
  maxSamples: size.default(50_000),
  /** Since when counters count that do not say: `process` (process_start_time_seconds), or `observed`, for exporters, which count what was before them. */
  startTime: z.enum(['process', 'observed']).default('process'),
  ...secretShape('bearerToken'),
  username: z.string().default(''),
  ...secretShape('password'),
})
export type PrometheusTarget = z.infer<typeof prometheusTarget>

const databaseTarget = (port: number, database: z.ZodType<string>) =>
  z.strictObject({
    /** service.name of what is read of it. */
    name: z.string().min(1),
    ...source,
    /** A name, an address, or the folder (PostgreSQL) or file (MySQL) of a socket. */
    host: z.string().min(1).default('127.0.0.1'),
    port: z.coerce.number().int().min(1).max(65535).default(port),
    database,
    user: z.string().min(1).default('postflight'),
    ...secretShape('password'),
    /** `auto`: none to this machine, else verified. */
    tls: z.enum(['auto', 'verified', 'unverified', 'off']).default('auto'),
    /** PEM file of the authority; empty: the system's. */
    ca: z.string().default(''),
    intervalSeconds: seconds.default(60),
    timeoutSeconds: seconds.default(10),
  })
export type DatabaseTarget = z.infer<ReturnType<typeof databaseTarget>>

const host = z.strictObject({
  enabled: flag.default(false),
  /** service.name of what is read of it. */
  name: z.string().min(1).default(hostname),
  ...source,
  /** Where /proc of the host is: elsewhere if it is mounted into a container. */
  proc: z.string().min(1).default('/proc'),
  intervalSeconds: seconds.default(30),
})
export type HostSettings = z.infer<typeof host>

const clickhouse = z.strictObject({
  enabled: flag.default(false),
  /** service.name of what is read of it. */
  name: z.string().min(1).default('clickhouse'),
  ...source,
  intervalSeconds: seconds.default(60),
})
export type ClickhouseSettings = z.infer<typeof clickhouse>

/** Settings of what Postflight reads by itself. */
export const collectorsSchema = z.strictObject({
  prometheus: z.array(prometheusTarget).default([]),
  postgresql: z.array(databaseTarget(5432, z.string().min(1))).default([]),
  /** MySQL and MariaDB; `database` limits statements and tables to one schema. */
  mysql: z.array(databaseTarget(3306, z.string().default(''))).default([]),
  /** The machine that Postflight runs on. */
  host: host.prefault({}),
  /** The ClickHouse that Postflight keeps everything in. */
  clickhouse: clickhouse.prefault({}),
})
export type CollectorSettings = z.infer<typeof collectorsSchema>

/** Those of the settings whose values are never printed. */
export const SECRET_COLLECTORS = ['prometheus', 'postgresql', 'mysql'] as const

/** Something that was read, and the services that use it. */
export interface SharedSource {
  /** service.name of what was read of it. */
  readonly name: string
  readonly services: readonly string[]
}

/** What a service shares with others and its reports judge too: databases, hosts, exporters that name it in `services`. */
export function sharedSources(
  collectors: CollectorSettings,
  of: { readonly service: string; readonly environment: string },
): readonly SharedSource[] {
  const tied = tiesOf(collectors).filter(
    ({ name, environment, services }) =>
      services.includes(of.service) && environment === of.environment && name !== of.service,
  )
  // Several targets may be parts of one thing.
  return [...new Set(tied.map(({ name }) => name))].map((name) => ({
    name,
    services: [...new Set(tied.filter((part) => part.name === name).flatMap(({ services }) => services))],
  }))
}

/** The services that use something that was read, by its service.name. */
export function usersOf(
  collectors: CollectorSettings,
  source: { readonly name: string; readonly environment: string },
): readonly string[] {
  const parts = tiesOf(collectors).filter(
    ({ name, environment }) => name === source.name && environment === source.environment,
  )
  return [...new Set(parts.flatMap(({ services }) => services))].filter((name) => name !== source.name)
}

/** All that is read, with the services that it is tied to. */
function tiesOf(collectors: CollectorSettings): readonly (SharedSource & { readonly environment: string })[] {
  const exporters = collectors.prometheus.map((target) => ({
    ...target,
    name: target.name || new URL(target.url).host,
  }))
  const own = [collectors.host, collectors.clickhouse].filter(({ enabled }) => enabled)
  return [...exporters, ...collectors.postgresql, ...collectors.mysql, ...own]
}
