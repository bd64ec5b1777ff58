import { expect, it } from 'vitest'
import type { SignalEvidence, WatchEvidence } from './watch-evidence.ts'
import { type StateInput, watchState } from './watch-state.ts'

const signal = (decided: SignalEvidence['decided'], more: Partial<SignalEvidence> = {}) =>
  ({
    relation: 'own',
    dimension: '',
    criticality: 'critical',
    title: 'Failed requests',
    decided,
    interval: null,
    soundAtEnd: decided === 'not_worse',
    ...more,
  }) as SignalEvidence
const evidence = (...signals: SignalEvidence[]) => ({ signals }) as unknown as WatchEvidence
const state = (of: Partial<StateInput>) =>
  watchState({
    firing: false,
    elsewhere: false,
    over: null,
    first: false,
    silent: false,
    closed: false,
    evidence: evidence(signal('not_worse')),
    ...of,
  })

it('is watched until the window is over, then healthy if each critical signal of its own is shown to be no worse', () => {
  expect(state({})).toBe('watching')
  expect(state({ closed: true })).toBe('healthy')
  const minor = signal('open', { criticality: 'major' })
  const route = signal('open', { dimension: 'POST /pay' })
  const callee = signal('worse', { relation: 'callee' })
  expect(state({ closed: true, evidence: evidence(signal('not_worse'), minor, route, callee) })).toBe(
    'healthy',
  )
  expect(state({ closed: true, evidence: evidence(signal('not_worse'), signal('open')) })).toBe(
    'inconclusive',
  )
  expect(state({ closed: true, evidence: undefined })).toBe('inconclusive')
})

it('is healthy, too, where a critical signal is shown at the end not to be twice as bad, unless it got worse', () => {
  const ended = (decided: 'open' | 'worse', soundAtEnd: boolean) =>
    state({ closed: true, evidence: evidence(signal('not_worse'), signal(decided, { soundAtEnd })) })
  expect(ended('open', true)).toBe('healthy')
  expect(ended('open', false)).toBe('inconclusive')
  expect(ended('worse', true)).toBe('inconclusive')
})

it('is regressed while its incident lasts, unless that is put down to something else', () => {
  expect(state({ firing: true })).toBe('regressed')
  expect(state({ firing: true, silent: true, closed: true })).toBe('regressed')
  expect(state({ firing: true, elsewhere: true })).toBe('watching')
})

it('has no data where nothing came before, or nothing comes now', () => {
  expect(state({ first: true, closed: true })).toBe('no_data')
  expect(state({ silent: true })).toBe('no_data')
})

it('is what people decided, whatever the telemetry shows', () => {
  expect(state({ over: 'rolled back', firing: true })).toBe('rolled_back')
  expect(state({ over: 'superseded', silent: true })).toBe('superseded')
})
