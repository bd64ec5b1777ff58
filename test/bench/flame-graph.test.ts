import { expect, it } from 'vitest'
import { type CpuProfile, callsOf, childOf, flameGraph, frame, scaled, totalOf } from './flame-graph.ts'

const at = (functionName: string, url = '') => ({ functionName, url, lineNumber: 6 })
const profile: CpuProfile = {
  startTime: 1_000,
  nodes: [
    { id: 1, callFrame: at('(root)'), children: [2, 3, 5] },
    { id: 2, callFrame: at('decode', 'file:///a/ingest/logs.ts'), children: [4] },
    { id: 3, callFrame: at('(idle)') },
    { id: 4, callFrame: at('<push>', 'file:///a/native/column.ts') },
    { id: 5, callFrame: at('(garbage collector)') },
  ],
  samples: [2, 4, 3, 4, 5, 2],
  timeDeltas: [10, 20, 1_000, 30, 5, 500],
}

it('adds up what was spent in each call within a span of time, and leaves idling out', () => {
  const calls = callsOf(profile, 'receiver', 1_005, 2_100)
  expect(totalOf(calls)).toBe(65)
  const decode = calls.children.get('decode ingest/logs.ts:7')
  expect(decode?.self).toBe(10)
  expect(decode?.children.get('<push> native/column.ts:7')?.self).toBe(50)
  expect(calls.children.get('(garbage collector)')?.self).toBe(5)
  expect(totalOf(scaled(calls, 2))).toBe(130)
})

it('draws each frame as wide as what was spent in it, on its caller, with its name escaped', () => {
  const svg = flameGraph(callsOf(profile, 'receiver', 0, 1e9), 'a & b', 's')
  const widths = [...svg.matchAll(/<title>([^:<]*):.*?width="([\d.]+)"/g)].map(([, name, width]) => [
    name,
    Math.round(Number(width)),
  ])
  // 565 in all, over 1,580 points.
  expect(widths).toEqual([
    ['receiver', 1580],
    ['(garbage collector)', 14],
    ['decode ingest/logs.ts', 1566],
    ['&lt;push&gt; native/column.ts', 140],
  ])
  expect(svg).toContain('a &amp; b')
  expect(svg).not.toContain('idle')
})

it('draws nothing where nothing was spent', () => {
  const root = frame('nothing')
  childOf(root, 'child')
  expect(() => flameGraph(root, '', 's')).toThrow('nothing to draw')
})
