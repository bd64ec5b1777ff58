import { readFile, statfs } from 'node:fs/promises'
import { hostname, release } from 'node:os'
import { join } from 'node:path'
import type { HostSettings } from '../../../schemas/collectors.ts'
import { CollectError, type Collector, type Round } from '../collector.ts'
import { type Attributes, type Metric, type NumberKind, type NumberPoint, single } from '../metric.ts'
import { increased } from '../top-increases.ts'
import { bootTime, cpuTimes, disks, interfaces, memory, mounts, pressure } from './proc.ts'

const RESOURCES = ['cpu', 'memory', 'io'] as const

/** Reads the machine that Postflight runs on (Linux), or the one whose /proc is mounted at `proc`. */
export function hostCollector(settings: HostSettings): Collector {
  return new HostCollector(settings)
}

class HostCollector implements Collector {
  readonly kind = 'host'
  readonly target: string
  readonly resource: Attributes
  readonly intervalSeconds: number
  readonly timeoutSeconds: number
  readonly #proc: string
  #cpu: Readonly<Record<string, number>> | undefined

  constructor(settings: HostSettings) {
    this.target = settings.name
    this.#proc = settings.proc
    this.intervalSeconds = settings.intervalSeconds
    this.timeoutSeconds = settings.intervalSeconds
    this.resource = {
      'service.name': settings.name,
      // A new kernel is to a host what a new version is to a service.
      'service.version': release(),
      'service.instance.id': hostname(),
      'deployment.environment.name': settings.environment,
      'host.name': hostname(),
      'os.type': 'linux',
    }
  }

  async collect(_: Round) {
    const [stat, meminfo, diskstats, netDev, load] = await Promise.all([
      this.#read('stat'),
      this.#read('meminfo'),
      this.#read('diskstats').catch(() => ''),
      this.#read('net/dev').catch(() => ''),
      this.#read('loadavg'),
    ])
    const start = bootTime(stat)
    const metrics: Metric[] = [
      ...this.#cpuMetrics(stat, start),
      ...memoryMetrics(meminfo),
      ...diskMetrics(diskstats, start),
      ...networkMetrics(netDev, start),
      ...single('gauge', 'system.cpu.load_average.1m', '{thread}', Number(load.split(' ')[0])),
      ...(await this.#pressure(start)),
      ...(await this.#filesystems()),
    ]
    return [{ resource: this.resource, metrics }]
  }

  async #read(name: string): Promise<string> {
    return await readFile(join(this.#proc, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      throw new CollectError(`There is no ${join(this.#proc, name)}: hosts are read on Linux only`)
    })
  }

  #cpuMetrics(stat: string, start: number | undefined): readonly Metric[] {
    const times = cpuTimes(stat)
    const before = this.#cpu
    this.#cpu = times
    const grown = Object.entries(times).map(
      ([mode, now]) => [mode, increased(before?.[mode] ?? now, now)] as const,
    )
    const all = grown.reduce((sum, [, seconds]) => sum + seconds, 0)
    // Without idle, so that all together are how busy it is.
    const shares = grown.filter(([mode]) => all > 0 && mode !== 'idle')
    return [
      metric(
        'counter',
        'system.cpu.time',
        's',
        Object.entries(times).map(([mode, value]) => ({
          attributes: { 'cpu.mode': mode },
          value,
          ...since(start),
        })),
      ),
      metric(
        'gauge',
        'system.cpu.utilization',
        '1',
        shares.map(([mode, seconds]) => ({
          attributes: { 'cpu.mode': mode },
          value: seconds / all,
        })),
      ),
    ]
  }

  async #pressure(start: number | undefined): Promise<readonly Metric[]> {
    const points = await Promise.all(
      RESOURCES.map(async (resource) =>
        // Kernels without pressure information have no such files.
        pressure(await this.#read(`pressure/${resource}`).catch(() => '')).map(({ share, seconds }) => ({
          attributes: { 'system.linux.pressure.resource': resource, 'system.linux.pressure.share': share },
          value: seconds,
          ...since(start),
        })),
      ),
    )
    return [metric('counter', 'system.linux.pressure.stall_time', 's', points.flat())]
  }

  async #filesystems(): Promise<readonly Metric[]> {
    const usage: NumberPoint[] = []
    const utilization: NumberPoint[] = []
    for (const { device, point, type } of mounts(await this.#read('self/mounts').catch(() => ''))) {
      const about = await statfs(point).catch(() => undefined)
      if (about === undefined || about.blocks === 0) continue
      const attributes = {
        'system.device': device,
        'system.filesystem.mountpoint': point,
        'system.filesystem.type': type,
      }
      const used = about.blocks - about.bfree
      const states = { used, free: about.bavail, reserved: about.bfree - about.bavail }
      for (const [state, blocks] of Object.entries(states))
        usage.push({
          attributes: { ...attributes, 'system.filesystem.state': state },
          value: blocks * about.bsize,
        })
      // Of what programs may use, as df has it.
      utilization.push({ attributes, value: used / (used + about.bavail) })
    }
    return [
      metric('level', 'system.filesystem.usage', 'By', usage),
      metric('gauge', 'system.filesystem.utilization', '1', utilization),
    ]
  }
}

function memoryMetrics(meminfo: string): readonly Metric[] {
  const { total, available, states } = memory(meminfo)
  const byState = (scale: number) =>
    Object.entries(states).map(([state, bytes]) => ({
      attributes: { 'system.memory.state': state },
      value: bytes * scale,
    }))
  return [
    metric('level', 'system.memory.usage', 'By', byState(1)),
    metric('gauge', 'system.memory.utilization', '1', total === 0 ? [] : byState(1 / total)),
    ...single('level', 'system.memory.limit', 'By', total),
    ...single('level', 'system.linux.memory.available', 'By', available),
  ]
}

function diskMetrics(diskstats: string, start: number | undefined): readonly Metric[] {
  const all = disks(diskstats)
  const both = (
    name: string,
    unit: string,
    pick: (disk: (typeof all)[number]) => readonly [number, number],
  ) =>
    metric(
      'counter',
      name,
      unit,
      all.flatMap((disk) =>
        (['read', 'write'] as const).map((direction, at) => ({
          attributes: { 'system.device': disk.device, 'disk.io.direction': direction },
          value: pick(disk)[at] as number,
          ...since(start),
        })),
      ),
    )
  return [
    both('system.disk.io', 'By', ({ read, written }) => [read, written]),
    both('system.disk.operations', '{operation}', ({ reads, writes }) => [reads, writes]),
    metric(
      'counter',
      'system.disk.io_time',
      's',
      all.map(({ device, busy }) => ({
        attributes: { 'system.device': device },
        value: busy,
        ...since(start),
      })),
    ),
  ]
}

function networkMetrics(netDev: string, start: number | undefined): readonly Metric[] {
  const all = interfaces(netDev)
  const both = (name: string, unit: string, field: keyof (typeof all)[number]['sent']) =>
    metric(
      'counter',
      name,
      unit,
      all.flatMap(({ name: device, received, sent }) =>
        (
          [
            ['receive', received],
            ['transmit', sent],
          ] as const
        ).map(([direction, traffic]) => ({
          attributes: { 'network.interface.name': device, 'network.io.direction': direction },
          value: traffic[field],
          ...since(start),
        })),
      ),
    )
  return [
    both('system.network.io', 'By', 'bytes'),
    both('system.network.packet.count', '{packet}', 'packets'),
    both('system.network.errors', '{error}', 'errors'),
    both('system.network.packet.dropped', '{packet}', 'dropped'),
  ]
}

function metric(kind: NumberKind, name: string, unit: string, points: readonly NumberPoint[]): Metric {
  return { kind, name, unit, points }
}

function since(start: number | undefined): { start?: number } {
  return start === undefined ? {} : { start }
}
