import { escapeHtml } from '../../analytics/alerts/receivers/escape-html.ts'
/** A frame with what was spent in it and in what it called. */
export interface Frame {
  readonly name: string
  /** Any unit; of the frame itself, without its children. */
  self: number
  readonly children: Map<string, Frame>
}

/** What is read of a `.cpuprofile` (DevTools protocol, Profiler.Profile); times in microseconds of the monotonic clock. */
export interface CpuProfile {
  readonly startTime: number
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export function frame(name: string, self = 0): Frame {
  return { name, self, children: new Map() }
}

/** The child of this name, made if missing. */
export function childOf(parent: Frame, name: string): Frame {
  const child = parent.children.get(name) ?? frame(name)
  parent.children.set(name, child)
  return child
}

export function totalOf({ self, children }: Frame): number {
  return [...children.values()].reduce((sum, child) => sum + totalOf(child), self)
}

/**
 * The calls of a profile within a span of time, without idling; frames of one name below the same caller are one.
 * @param from microseconds, as the profile's
 * @returns a frame whose values are microseconds
 */
export function callsOf(profile: CpuProfile, name: string, from: number, to: number): Frame {
  const root = frame(name)
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const callers = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node.id])))
  const pathOf = (id: number): string[] => {
    const node = nodes.get(id)
    const caller = callers.get(id)
    // The profile's own root says nothing.
    if (node === undefined || caller === undefined) return []
    return [...pathOf(caller), titleOf(node.callFrame)]
  }
  const paths = new Map<number, readonly string[]>()
  let at = profile.startTime
  for (const [i, id] of profile.samples.entries()) {
    const spent = profile.timeDeltas[i] ?? 0
    at += spent
    if (at < from || at > to) continue
    const path = paths.get(id) ?? pathOf(id)
    paths.set(id, path)
    if (path.at(-1) === '(idle)') continue
    let into = root
    for (const step of path) into = childOf(into, step)
    into.self += spent
  }
  return root
}

function titleOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  const file = url.split('/').slice(-2).join('/')
  return file === '' || url.startsWith('wasm') ? name : `${name} ${file}:${lineNumber + 1}`
}

/** Multiplies all values of a frame and of what it calls. */
export function scaled({ name, self, children }: Frame, factor: number): Frame {
  return {
    name,
    self: self * factor,
    children: new Map([...children].map(([key, child]) => [key, scaled(child, factor)])),
  }
}

const WIDTH = 1_600
const ROW = 17
const MARGIN = 10
const TITLE = 30
/** Narrower ones would not be seen. */
const NARROWEST = 0.5
const LETTER = 6.3

/**
 * A flame graph (Gregg, "The Flame Graph", ACM Queue 14(2), 2016) as SVG: a frame's width is what was spent in it, callees stand on their callers,
 * neighbours in alphabetical order. Hovering shows name and value.
 * @param unit of the values, as shown
 */
export function flameGraph(root: Frame, title: string, unit: string): string {
  const all = totalOf(root)
  if (!(all > 0)) throw new Error('There is nothing to draw: no time was spent')
  const scale = (WIDTH - 2 * MARGIN) / all
  const boxes: { x: number; depth: number; width: number; name: string; value: number }[] = []
  const place = (one: Frame, x: number, depth: number) => {
    const value = totalOf(one)
    const width = value * scale
    if (width < NARROWEST) return
    boxes.push({ x, depth, width, name: one.name, value })
    let left = x
    for (const child of [...one.children.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      place(child, left, depth + 1)
      left += totalOf(child) * scale
    }
  }
  place(root, MARGIN, 0)
  const depth = Math.max(...boxes.map((box) => box.depth))
  const height = TITLE + (depth + 1) * ROW + MARGIN
  const draw = (box: (typeof boxes)[number]) => {
    const y = height - MARGIN - (box.depth + 1) * ROW
    const share = `${box.value.toPrecision(3)} ${unit}, ${((100 * box.value) / all).toFixed(1)} %`
    const letters = Math.floor((box.width - 4) / LETTER)
    const label =
      box.name.length <= letters ? box.name : letters < 4 ? '' : `${box.name.slice(0, letters - 1)}…`
    const text =
      label === '' ? '' : `<text x="${(box.x + 2).toFixed(1)}" y="${y + 12}">${escapeHtml(label)}</text>`
    return `<g><title>${escapeHtml(box.name)}: ${share}</title><rect x="${box.x.toFixed(1)}" y="${y}" width="${box.width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(box.name)}"/>${text}</g>`
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10.5">`,
    `<title>${escapeHtml(title)}</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${WIDTH / 2}" y="20" font-size="14" text-anchor="middle">${escapeHtml(title)}</text>`,
    ...boxes.map(draw),
    '</svg>',
    '',
  ].join('\n')
}

/** Warm, and the same for a name in every picture. */
function colourOf(name: string): string {
  let hash = 0
  for (const letter of name) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0)) >>> 0
  return `hsl(${hash % 50}, 85%, ${62 + (hash % 13)}%)`
}
