import { describe, expect, it } from 'vitest'
import type { Incident } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import { buildCatalogue } from '../../schemas/signals/catalogue.ts'
import {
  type IncidentInput,
  type IncidentMemory,
  NO_DETAILS,
  NO_MEMORY,
  nextIncident,
  reasonKey,
  reasonsOf,
  severityOf,
} from './incident.ts'
import type { SignalEvidence, WatchEvidence } from './watch-evidence.ts'

const deployment: Deployment = {
  id: 'd1',
  service: 'checkout',
  environment: 'production',
  version: '2',
  previousVersion: '1',
  startedAt: '2026-11-01T00:00:00.000Z',
  finishedAt: null,
  source: 'api',
  status: 'succeeded',
  attributes: {},
}
const failing: SignalEvidence = {
  service: 'checkout',
  relation: 'own',
  signal: 'errors.server',
  title: 'Failed requests',
  unit: '1',
  kind: 'ratio',
  criticality: 'critical',
  dimension: 'POST /pay',
  logE: 30,
  weight: 0.02,
  before: 0.01,
  after: 0.05,
  ratio: 5,
  interval: [3, 8],
  since: 100,
  events: 100,
  exposure: 2000,
  fresh: false,
  harm: 160,
  decided: 'worse',
  soundAtEnd: false,
  moreMinutes: null,
  recovered: false,
}
const evidence = (...signals: SignalEvidence[]): WatchEvidence => ({
  logE: signals.length === 0 ? -5 : 26,
  threshold: 6.9,
  crossed: signals.some(({ logE }) => logE > 12),
  signals,
  requests: 1000,
  share: 1,
})
const input = (of: Partial<IncidentInput>): IncidentInput => ({
  deployment,
  catalogue: buildCatalogue(),
  evidence: evidence(failing),
  known: undefined,
  memory: NO_MEMORY,
  blame: { of: 'release', summary: 'nothing else is known to have changed', likelier: null },
  criticality: 'normal',
  owner: 'payments',
  shadow: false,
  over: null,
  details: NO_DETAILS,
  link: 'http://postflight.test/x',
  now: 1000,
  calmSeconds: 600,
  ...of,
})

/** Looks one after the other, each with what the one before has kept. */
class Looks {
  known: Incident | undefined
  memory: IncidentMemory = NO_MEMORY
  now = 1000

  look(seen: WatchEvidence, seconds = 60, of: Partial<IncidentInput> = {}): string | null {
    this.now += seconds
    const next = nextIncident(
      input({ evidence: seen, known: this.known, memory: this.memory, now: this.now, ...of }),
    )
    this.known = next.incident ?? this.known
    this.memory = next.memory
    return next.event
  }
}

const calm = { ...failing, recovered: true }

describe('an incident', () => {
  it('has its id from the deployment and its first reason in the title', () => {
    const { incident } = nextIncident(input({}))
    expect(incident).toMatchObject({
      id: 'regression-d1',
      status: 'firing',
      severity: 'page',
      revision: 1,
      owner: 'payments',
    })
    expect(incident?.summary).toBe('checkout 2: POST /pay fails 5x more often (1 % -> 5 %)')
  })

  it('keeps traces out of its title, which is cut where there is little room: they are with the reasons and the links', () => {
    const traces = new Map([[reasonKey(failing), '0af7651916cd43dd8448eb211c80319c']])
    const { incident } = nextIncident(input({ details: { ...NO_DETAILS, traces } }))
    expect(incident?.summary).toBe('checkout 2: POST /pay fails 5x more often (1 % -> 5 %)')
    expect(incident?.reasons[0]?.summary).toMatch(/; trace 0af7651916cd43dd8448eb211c80319c$/)
    expect(incident?.links.map(({ url }) => url)).toEqual([
      'http://postflight.test/x/watch#trace-0af7651916cd43dd8448eb211c80319c',
    ])
  })

  it('orders its reasons by harm, own before others, and leaves the whole out where dimensions say it', () => {
    const whole = { ...failing, dimension: '', harm: 500 }
    const other = { ...failing, signal: 'latency.server', dimension: 'GET /cart', harm: 900 }
    const caller = { ...failing, service: 'gateway', relation: 'caller' as const, harm: 9999 }
    const reasons = reasonsOf(evidence(whole, failing, other, caller))
    expect(reasons.map(({ service, signal, dimension }) => `${service} ${signal} ${dimension}`)).toEqual([
      'checkout latency.server GET /cart',
      'checkout errors.server POST /pay',
      'gateway errors.server POST /pay',
    ])
  })

  it('opens once, says nothing new until there is a new reason, and ends after it has been calm', () => {
    const looks = new Looks()
    expect(looks.look(evidence(failing))).toBe('opened')
    expect(looks.look(evidence(failing))).toBeNull()
    expect(looks.look(evidence(failing, { ...failing, signal: 'latency.server', harm: 500 }))).toBe('grown')
    expect(looks.known?.revision).toBe(2)
    expect(looks.look(evidence(calm))).toBeNull()
    expect(looks.look(evidence(failing), 300)).toBeNull()
    expect(looks.look(evidence(calm), 60)).toBeNull()
    expect(looks.look(evidence(calm), 599)).toBeNull()
    expect(looks.look(evidence(calm), 1)).toBe('resolved')
    expect(looks.known).toMatchObject({ status: 'resolved', resolution: 'back to normal' })
  })

  it('does not flap: what has ended does not open again by the same evidence, and takes longer to end each time', () => {
    const looks = new Looks()
    looks.look(evidence(failing))
    looks.look(evidence(calm))
    expect(looks.look(evidence(calm), 600)).toBe('resolved')
    const ended = looks.now
    expect(looks.look(evidence(failing))).toBeNull()
    const anew = { ...failing, since: ended + 30 }
    expect(looks.look(evidence(anew))).toBe('reopened')
    looks.look(evidence({ ...anew, recovered: true }))
    expect(looks.look(evidence({ ...anew, recovered: true }), 600)).toBeNull()
    expect(looks.look(evidence({ ...anew, recovered: true }), 600)).toBe('resolved')
  })

  it('ends soon after a rollback that helps, at once when the next release has begun, and begins for neither', () => {
    const looks = new Looks()
    looks.look(evidence(failing))
    expect(looks.look(evidence(failing), 60, { over: 'rolled back' })).toBeNull()
    looks.look(evidence(calm), 60, { over: 'rolled back' })
    expect(looks.look(evidence(calm), 120, { over: 'rolled back' })).toBe('resolved')
    expect(looks.known?.resolution).toBe('rolled back, and back to normal for 2 min')
    const next = new Looks()
    next.look(evidence(failing))
    expect(next.look(evidence(failing), 10, { over: 'superseded' })).toBe('resolved')
    expect(new Looks().look(evidence(failing), 10, { over: 'superseded' })).toBeNull()
  })

  it('wakes nobody for what is not about the release, nor for a service of little worth', () => {
    const elsewhere = {
      of: 'elsewhere',
      summary: 'probably not this release: stock got worse',
      likelier: null,
    } as const
    expect(severityOf({ blame: elsewhere, criticality: 'normal' }, [failing])).toBe('ticket')
    expect(severityOf({ blame: null, criticality: 'low' }, [failing])).toBe('ticket')
    expect(severityOf({ blame: null, criticality: 'normal' }, [{ ...failing, criticality: 'minor' }])).toBe(
      'ticket',
    )
    expect(severityOf({ blame: null, criticality: 'critical' }, [{ ...failing, criticality: 'minor' }])).toBe(
      'page',
    )
    const { incident } = nextIncident(input({ blame: elsewhere }))
    expect(incident?.summary).toContain('probably not this release')
  })

  it('pages for what is major where it is twice as much, or half: lost traffic', () => {
    const major = (ratio: number) =>
      severityOf({ blame: null, criticality: 'normal' }, [{ ...failing, criticality: 'major', ratio }])
    expect([2, 1.5, 0.7, 0.4, 0].map(major)).toEqual(['page', 'ticket', 'ticket', 'page', 'page'])
  })
})
