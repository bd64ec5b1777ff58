import { describe, expect, it } from 'vitest'
import { PostflightError } from '../errors.ts'
import { buildCatalogue } from './catalogue.ts'
import { customSignalSchema } from './custom.ts'
import { SIGNAL_GROUPS } from './signal.ts'
import { sqlString } from './sql.ts'
import { rollupViews } from './views.ts'

const cart = customSignalSchema.parse({
  id: 'cart.abandoned',
  title: 'Carts left at the door',
  metric: "cart's.abandoned",
  type: 'delta',
  dimension: 'shop',
})

describe('the catalogue', () => {
  it('has signals of every group, each fully declared', () => {
    const { signals, measures } = buildCatalogue([cart])
    expect(new Set(signals.map((signal) => signal.group))).toEqual(new Set(SIGNAL_GROUPS))
    for (const signal of signals) {
      expect(signal.smallestEffect.ratio, signal.id).toBeGreaterThan(1)
      expect(signal.smallestEffect.absolute, signal.id).toBeGreaterThanOrEqual(0)
      for (const measure of signal.measures)
        expect(measures.has(measure), `${signal.id} ${measure}`).toBe(true)
    }
  })

  it("makes a measure and a view of a user's own signal, with its text quoted", () => {
    const { signals, measures } = buildCatalogue([cart])
    expect(signals.at(-1)).toMatchObject({ id: 'custom.cart.abandoned', kind: 'gauge', dimension: 'shop' })
    const view = rollupViews(measures.values()).find(({ counts }) =>
      counts.some(({ measure }) => measure.id === 'custom.cart.abandoned'),
    )
    expect(view?.select(() => 0, 'default')).toContain("MetricName IN ('cart\\'s.abandoned')")
  })

  it('refuses an id that is declared twice', () => {
    expect(() => buildCatalogue([cart, cart])).toThrow(/custom\.cart\.abandoned is declared twice/)
  })

  it('names the code and a hint for an unknown signal', () => {
    const attempt = () => buildCatalogue().signal('latency.clock')
    expect(attempt).toThrow(PostflightError)
    expect(attempt).toThrow(/latency\.clock/)
  })

  it('counts every measure in one view, each with a name and a checksum of its own', () => {
    const { measures } = buildCatalogue([cart])
    const views = rollupViews(measures.values())
    const counts = views.flatMap((view) => view.counts)
    expect(counts.map(({ measure }) => measure.id).sort()).toEqual([...measures.keys()].sort())
    expect(new Set(views.map((view) => view.name)).size).toBe(views.length)
    expect(new Set(counts.map((counted) => counted.name)).size).toBe(counts.length)
    expect(new Set(counts.map((counted) => counted.checksum)).size).toBe(counts.length)
  })

  it('has one view for what is counted from one table into one table', () => {
    const views = rollupViews(buildCatalogue().measures.values())
    const ofLogs = views.filter(({ counts }) => counts[0]?.measure.source === 'otel_logs')
    expect(ofLogs.map(({ name }) => name).sort()).toEqual([
      'exception_1m_mv_otel_logs',
      'signal_1m_mv_otel_logs',
    ])
  })
})

describe('a ClickHouse string literal', () => {
  it('escapes quotes and backslashes', () => {
    expect(sqlString("a'b\\c")).toBe("'a\\'b\\\\c'")
  })
})
