import { escapeHtml } from '../../analytics/alerts/receivers/escape-html.ts'
export interface Curve {
  readonly name: string
  /** Heading of the panel that it is drawn in. */
  readonly panel: string
  /** Shares from 0 to 1, one for each size. */
  readonly values: readonly number[]
}

const COLOURS = ['#c2410c', '#2563eb', '#15803d', '#7c3aed', '#64748b', '#b45309', '#0891b2', '#be185d']
const PANEL = { width: 260, height: 200, left: 44, top: 34, gap: 18 }

/** Curves of power against the size of the change, a panel for each window; a standalone SVG. */
export function powerPicture(curves: readonly Curve[], sizes: readonly number[], title: string): string {
  const panels = [...new Set(curves.map(({ panel }) => panel))]
  const names = [...new Set(curves.map(({ name }) => name))]
  const width = PANEL.left + panels.length * (PANEL.width + PANEL.gap)
  const height = PANEL.top + PANEL.height + 40 + 18 * Math.ceil(names.length / 4)
  const y = (share: number): number => PANEL.top + PANEL.height * (1 - share)
  const parts: string[] = []
  panels.forEach((panel, p) => {
    const left = PANEL.left + p * (PANEL.width + PANEL.gap)
    const x = (i: number): number => left + (PANEL.width * i) / Math.max(1, sizes.length - 1)
    parts.push(`<text x="${left}" y="${PANEL.top - 12}" font-weight="600">${panel}</text>`)
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      parts.push(
        `<line x1="${left}" x2="${left + PANEL.width}" y1="${y(share)}" y2="${y(share)}" stroke="#ddd"/>`,
      )
      if (p === 0)
        parts.push(`<text x="${left - 6}" y="${y(share) + 4}" text-anchor="end">${100 * share} %</text>`)
    }
    sizes.forEach((size, i) => {
      parts.push(
        `<text x="${x(i)}" y="${y(0) + 16}" text-anchor="middle">+${Math.round(100 * size)} %</text>`,
      )
    })
    for (const curve of curves.filter((one) => one.panel === panel)) {
      const at = names.indexOf(curve.name)
      const points = curve.values.map((share, i) => `${x(i).toFixed(1)},${y(share).toFixed(1)}`).join(' ')
      parts.push(
        `<polyline fill="none" stroke="${COLOURS[at % COLOURS.length]}" stroke-width="${at === 0 ? 3 : 1.5}" points="${points}"/>`,
      )
    }
  })
  names.forEach((name, i) => {
    const [x, line] = [PANEL.left + (i % 4) * 220, PANEL.top + PANEL.height + 40 + 18 * Math.floor(i / 4)]
    parts.push(
      `<rect x="${x}" y="${line - 9}" width="14" height="4" fill="${COLOURS[i % COLOURS.length]}"/><text x="${x + 20}" y="${line - 3}">${name}</text>`,
    )
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="#333">
<title>${escapeHtml(title)}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
${parts.join('\n')}
</svg>
`
}
