import { describe, expect, it } from 'vitest'
import type { Deployment } from '../../schemas/contracts/deployment.ts'
import type { DeploymentState, Verdict } from '../../schemas/contracts/report.ts'
import { headline, headlineBeside } from './headline.ts'

const deployment: Deployment = {
  id: 'd1',
  service: 'checkout',
  environment: 'prod',
  version: '2.7.0',
  previousVersion: '2.6.0',
  startedAt: '2026-03-01T12:00:00.000Z',
  finishedAt: null,
  source: 'api',
  status: 'succeeded',
  attributes: {},
}
const summary = 'checkout 2.7.0: a quarter of POST /pay fails (0.1 % -> 25 %), and 2 more'
const fires = { summary, status: 'firing', resolution: null } as const
const ended = { summary, status: 'resolved', resolution: 'back to normal' } as const
const said = (state: DeploymentState, alert: typeof fires | typeof ended | undefined) =>
  headline({ deployment, state, verdicts: [], baseline: '2.6.0', doubt: undefined, alert })

describe('a report that by itself shows nothing worse', () => {
  it('says of a release that was rolled back what its alert had said', () => {
    expect(said('rolled_back', fires)).toBe(
      '2.7.0 of checkout was rolled back after the alert "a quarter of POST /pay fails (0.1 % -> 25 %), and 2 more"; by itself this report shows nothing worse.',
    )
    expect(said('rolled_back', ended)).toBe(said('rolled_back', fires))
    expect(said('rolled_back', undefined)).toBe(
      '2.7.0 of checkout was rolled back; nothing was shown to be worse.',
    )
  })

  it.each(['healthy', 'inconclusive', 'superseded'] as const)('tells of the alert beside "%s"', (state) => {
    const plain = said(state, undefined)
    expect(plain).not.toContain('alert')
    expect(said(state, ended)).toBe(
      `${plain} But there was the alert "a quarter of POST /pay fails (0.1 % -> 25 %), and 2 more": back to normal.`,
    )
    expect(said(state, fires)).toMatch(/^.* But the alert "a quarter .*" was open when this was written\.$/)
  })

  it('leaves to the alert itself what it says while it is watched', () => {
    expect(said('watching', fires)).toBe('2.7.0 of checkout is being watched: nothing has got worse so far.')
  })
})

describe('a report of an incident that came and went', () => {
  const passed = {
    ...{ word: 'inconclusive', criticality: 'critical', signal: 'latency.server', badDirection: 'up' },
    ...{ title: 'Response time', dimension: 'POST /pay' },
    episode: {
      from: '2026-03-01T12:31:00.000Z',
      to: '2026-03-01T13:02:00.000Z',
      raised: true,
      ratio: 2.04,
    },
  } as Verdict
  const told = (state: DeploymentState, verdicts: readonly Verdict[]) =>
    headline({ deployment, state, verdicts, baseline: '2.6.0', doubt: undefined, alert: undefined })

  it('says what and when', () => {
    const sentence =
      'Response time of POST /pay was 2.04x from 12:31Z to 13:02Z: it began later than the release and is over.'
    expect(told('inconclusive', [passed])).toBe(
      `Nothing that lasts was shown to be worse in 2.7.0 of checkout. ${sentence}`,
    )
    expect(told('watching', [passed])).toContain(`nothing that lasts has got worse so far. ${sentence}`)
    expect(told('inconclusive', [passed, passed])).toContain('13:02Z (and 1 more signal): it began')
  })

  it('leaves out what was better, and what is for information only', () => {
    const better = { ...passed, badDirection: 'down' } as Verdict
    const info = { ...passed, criticality: 'info' } as Verdict
    expect(told('inconclusive', [better, info])).toBe(told('inconclusive', []))
  })
})

describe('a report beside an alert that fires', () => {
  const beside = (state: DeploymentState, verdicts: readonly Verdict[]) => {
    const judged = { deployment, state, verdicts, baseline: '2.6.0', doubt: undefined, alert: fires }
    return headlineBeside(fires, { deployment, verdicts: [...verdicts], headline: headline(judged) })
  }
  const worse = {
    ...{ word: 'regressed', criticality: 'critical', signal: 'errors.server', dimension: '' },
    summary: 'Failures up; 3x',
  } as Verdict

  it('comes first where it can tell by itself, also of a release that was rolled back', () => {
    for (const state of ['regressed', 'rolled_back'] as const) {
      const [first, more] = beside(state, [worse])
      expect(first).toMatch(/^2\.7\.0 made checkout worse: failures up\./)
      expect(more).toBe(`${summary}.`)
    }
  })

  it('comes second where it cannot, and alone where it has said what the alert says', () => {
    expect(beside('watching', [])).toEqual([summary, expect.stringMatching(/^By itself this report says: /)])
    expect(beside('rolled_back', [])[1]).toBe('')
  })
})
