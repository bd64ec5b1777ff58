/** What Linux tells of itself in /proc: texts in, numbers out (proc(5), kernel documentation "PSI" and "iostats"). */

/** Ticks a second that times are told in, on all platforms that Node runs on. */
const TICKS = 100
const SECTOR = 512

/** CPU seconds by mode, all CPUs together; guests are part of user and nice. */
export function cpuTimes(stat: string): Readonly<Record<string, number>> {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1] ?? ''
  const ticks = line.split(' ').map(Number)
  const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal']
  const seconds = Object.fromEntries(modes.map((mode, at) => [mode, (ticks[at] ?? 0) / TICKS]))
  const { irq = 0, softirq = 0, ...rest } = seconds
  return { ...rest, interrupt: irq + softirq }
}

/** @returns milliseconds since 1970: when the machine started */
export function bootTime(stat: string): number | undefined {
  const seconds = /^btime (\d+)$/m.exec(stat)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

/** Bytes by state, and what is available to programs without swapping. */
export function memory(meminfo: string) {
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024
  const [total, free, buffers] = [bytes('MemTotal'), bytes('MemFree'), bytes('Buffers')]
  const cached = bytes('Cached') + bytes('SReclaimable')
  return {
    total,
    available: bytes('MemAvailable'),
    states: { used: Math.max(0, total - free - buffers - cached), free, buffers, cached },
  }
}

export interface Disk {
  readonly device: string
  readonly reads: number
  readonly writes: number
  /** Bytes. */
  readonly read: number
  readonly written: number
  /** Seconds in which it had something to do. */
  readonly busy: number
}

/** Partitions are parts of their disks, and what is in memory is no disk. */
const NO_DISK = /^(loop|ram|zram|sr|fd)\d|^((sd|vd|xvd|hd)[a-z]+|(nvme\d+n|mmcblk|nbd)\d+p)\d+$/

export function disks(diskstats: string): readonly Disk[] {
  return diskstats.split('\n').flatMap((line): Disk[] => {
    const [, , device = '', ...numbers] = line.trim().split(/ +/)
    const [reads = 0, , read = 0, , writes = 0, , written = 0, , , busy = 0] = numbers.map(Number)
    if (device === '' || NO_DISK.test(device) || reads + writes === 0) return []
    return [{ device, reads, writes, read: read * SECTOR, written: written * SECTOR, busy: busy / 1000 }]
  })
}

export interface Interface {
  readonly name: string
  readonly received: Traffic
  readonly sent: Traffic
}

interface Traffic {
  readonly bytes: number
  readonly packets: number
  readonly errors: number
  readonly dropped: number
}

/** Without the loopback, and what never had a packet. */
export function interfaces(netDev: string): readonly Interface[] {
  return netDev.split('\n').flatMap((line): Interface[] => {
    const [, name, rest = ''] = /^\s*([^\s:]+):(.*)$/.exec(line) ?? []
    if (name === undefined || name === 'lo') return []
    const numbers = rest.trim().split(/ +/).map(Number)
    const traffic = (at: number): Traffic => {
      const [bytes = 0, packets = 0, errors = 0, dropped = 0] = numbers.slice(at)
      return { bytes, packets, errors, dropped }
    }
    const [received, sent] = [traffic(0), traffic(8)]
    return received.packets + sent.packets === 0 ? [] : [{ name, received, sent }]
  })
}

/** Seconds in which some, or all, tasks were stalled. */
export function pressure(text: string): readonly { readonly share: string; readonly seconds: number }[] {
  return [...text.matchAll(/^(some|full) .*total=(\d+)$/gm)].map(([, share = '', total]) => ({
    share,
    seconds: Number(total) / 1e6,
  }))
}

export interface Mount {
  readonly device: string
  readonly point: string
  readonly type: string
}

const ON_DISK = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'zfs',
  'f2fs',
  'vfat',
  'exfat',
  'ntfs3',
  'overlay',
])

/** File systems on disks, each once; not those on the network, which may not answer. */
export function mounts(text: string): readonly Mount[] {
  const seen = new Set<string>()
  return text.split('\n').flatMap((line): Mount[] => {
    const [device = '', point = '', type = ''] = line
      .split(' ')
      // Blanks in paths are in octal.
      .map((part) =>
        part.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
          String.fromCharCode(Number.parseInt(octal, 8)),
        ),
      )
    if (!ON_DISK.has(type) || (type === 'overlay' && point !== '/') || seen.has(device)) return []
    seen.add(device)
    return [{ device, point, type }]
  })
}
