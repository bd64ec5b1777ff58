import type { Panel, RowPanel } from './grafana.ts'
import type { PlacedLater } from './panel.ts'

export interface Section {
  readonly title: string
  readonly panels: readonly PlacedLater[]
}

const COLUMNS = 24

/** Gives every panel its id and place: left to right, a new line where the width is used up, a titled row before each section. */
export function place(sections: readonly Section[]): (Panel | RowPanel)[] {
  const placed: (Panel | RowPanel)[] = []
  let id = 0
  let y = 0
  for (const section of sections) {
    if (section.panels.length === 0) continue
    id += 1
    placed.push({
      type: 'row',
      id,
      title: section.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    })
    y += 1
    let x = 0
    let lineHeight = 0
    for (const { panel, width, height } of section.panels) {
      if (x + width > COLUMNS) {
        x = 0
        y += lineHeight
        lineHeight = 0
      }
      id += 1
      placed.push({ ...panel, id, gridPos: { x, y, w: width, h: height } })
      x += width
      lineHeight = Math.max(lineHeight, height)
    }
    y += lineHeight
  }
  return placed
}
