import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { collectorsSchema } from '../../../schemas/collectors.ts'
import type { Metric } from '../metric.ts'
import { hostCollector } from './host.ts'
import { disks, mounts } from './proc.ts'

const STAT = (user: number, idle: number) => `cpu  ${user} 0 100 ${idle} 50 3 7 0 5 0
cpu0 1 1 1 1 1 1 1 1 1 1
btime 1790000000
`
const FILES: Readonly<Record<string, string>> = {
  stat: STAT(1000, 9000),
  meminfo:
    'MemTotal:       1000 kB\nMemFree:         200 kB\nMemAvailable:    600 kB\nBuffers:          50 kB\nCached:          300 kB\nSReclaimable:     50 kB\n',
  diskstats:
    '   7       0 loop0 9 0 9 0 9 0 9 0 0 9 0\n 254       0 vda 10 0 80 1 20 0 160 2 0 1500 3\n 254       1 vda1 9 0 9 0 9 0 9 0 0 9 0\n',
  'net/dev':
    'Inter-|   Receive |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n    lo: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0\n  eth0:1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n',
  loadavg: '1.25 0.5 0.1 1/100 12345\n',
  'pressure/cpu':
    'some avg10=1.67 avg60=8.41 avg300=8.72 total=8767964\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
  'self/mounts':
    '/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/vda /again ext4 rw 0 0\n10.0.0.1:/x /far nfs rw 0 0\n',
}

let folder = ''
afterEach(() => rm(folder, { recursive: true, force: true }))

async function proc(files: Readonly<Record<string, string>>) {
  folder = await mkdtemp(join(tmpdir(), 'postflight-proc-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return hostCollector(collectorsSchema.parse({ host: { enabled: true, name: 'web-1', proc: folder } }).host)
}

type Numbers = Extract<Metric, { kind: 'counter' | 'gauge' | 'level' }>
const values = (metrics: readonly Metric[], name: string) =>
  Object.fromEntries(
    (metrics.filter((metric) => metric.name === name) as Numbers[]).flatMap(({ points }) =>
      points.map(({ attributes, value }) => [Object.values(attributes).join(' '), value]),
    ),
  )

describe('a host', () => {
  it('is read from /proc', async () => {
    const collector = await proc(FILES)
    const round = async () =>
      (await collector.collect({ time: 0, signal: new AbortController().signal }))[0]?.metrics ?? []
    const first = await round()
    expect(values(first, 'system.cpu.time')).toEqual({
      user: 10,
      nice: 0,
      system: 1,
      idle: 90,
      iowait: 0.5,
      steal: 0,
      interrupt: 0.1,
    })
    expect((first[0] as Numbers).points[0]?.start).toBe(1_790_000_000_000)
    expect(values(first, 'system.cpu.utilization')).toEqual({})
    expect(values(first, 'system.memory.usage')).toEqual({
      used: 400 * 1024,
      free: 200 * 1024,
      buffers: 50 * 1024,
      cached: 350 * 1024,
    })
    expect(values(first, 'system.memory.utilization')).toMatchObject({ used: 0.4 })
    expect(values(first, 'system.linux.memory.available')).toEqual({ '': 600 * 1024 })
    expect(values(first, 'system.disk.io')).toEqual({ 'vda read': 80 * 512, 'vda write': 160 * 512 })
    expect(values(first, 'system.disk.io_time')).toEqual({ vda: 1.5 })
    expect(values(first, 'system.network.io')).toEqual({ 'eth0 receive': 1000, 'eth0 transmit': 2000 })
    expect(values(first, 'system.network.errors')).toEqual({ 'eth0 receive': 1, 'eth0 transmit': 3 })
    expect(values(first, 'system.network.packet.dropped')).toEqual({ 'eth0 receive': 2, 'eth0 transmit': 4 })
    expect(values(first, 'system.cpu.load_average.1m')).toEqual({ '': 1.25 })
    expect(values(first, 'system.linux.pressure.stall_time')).toEqual({ 'cpu some': 8.767964, 'cpu full': 0 })
    const full = values(first, 'system.filesystem.utilization')
    expect(Object.keys(full)).toEqual(['/dev/vda / ext4'])
    expect(full['/dev/vda / ext4']).toBeGreaterThan(0)
    expect(full['/dev/vda / ext4']).toBeLessThanOrEqual(1)

    await writeFile(join(folder, 'stat'), STAT(1025, 9075))
    expect(values(await round(), 'system.cpu.utilization')).toMatchObject({ user: 0.25, iowait: 0 })
  })

  it('without a /proc is said to be no Linux', async () => {
    const collector = await proc({})
    await expect(collector.collect({ time: 0, signal: new AbortController().signal })).rejects.toThrow(
      'on Linux only',
    )
  })

  it('has disks, not their partitions', () => {
    const line = (name: string) => `8 0 ${name} 1 0 1 0 1 0 1 0 0 1 0\n`
    const names = [
      'sda',
      'sda1',
      'nvme0n1',
      'nvme0n1p2',
      'mmcblk0',
      'mmcblk0p1',
      'dm-0',
      'md0',
      'zram0',
      'sr0',
    ]
    expect(disks(names.map(line).join('')).map(({ device }) => device)).toEqual([
      'sda',
      'nvme0n1',
      'mmcblk0',
      'dm-0',
      'md0',
    ])
  })

  it('has mounts with blanks in their names', () => {
    expect(mounts('/dev/sdb1 /mnt/a\\040b xfs rw 0 0')).toEqual([
      { device: '/dev/sdb1', point: '/mnt/a b', type: 'xfs' },
    ])
  })
})
