import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readArgocd } from '../../api/notices/argocd.ts'
import { noticesSchema } from '../../schemas/notices.ts'
import type { CliContext } from '../cli/context.ts'
import { deployCommand } from '../cli/deploy.ts'
import { gateCommand } from '../cli/gate.ts'

const read = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8')
const tree = (file: string): unknown => parse(read(file))
const commands = new Map(
  [deployCommand, gateCommand]
    .map((make) => make({} as CliContext))
    .map((command) => [command.name(), command]),
)

/** Lines of a script that start Postflight, in words as a shell would give them. */
function calls(file: string): string[][] {
  const lines = read(file)
    .split('\n')
    .filter((line) => line.includes('$POSTFLIGHT '))
  return lines.map(
    (line) => line.replace(/^.*\$POSTFLIGHT /, '').match(/"[^"]*"|\$\{\{.*?\}\}|[^\s"]+/g) ?? [],
  )
}

function optionOf(command: Command, flag: string) {
  return command.options.find(({ long }) => long === flag)
}

describe.each(['github-actions.yml', 'gitlab-ci.yml'])('%s', (file) => {
  it('starts commands that are there, with options that they have', () => {
    const all = calls(file)
    expect(all.map(([name]) => name)).toEqual(['deploy', 'gate'])
    for (const [name = '', release, ...rest] of all) {
      const command = commands.get(name) as Command
      expect(release).toBe('"$RELEASE"')
      for (const word of rest.filter((text) => text.startsWith('--')))
        expect(optionOf(command, word), `${name} ${word}`).toBeDefined()
    }
  })
})

it('GitHub Actions: jobs, steps, and a gate that no step skips', () => {
  const { jobs } = tree('github-actions.yml') as {
    jobs: Record<string, { steps: { name?: string; if?: string }[] }>
  }
  const steps = jobs['production']?.steps ?? []
  expect(steps.map(({ name }) => name).filter(Boolean)).toEqual([
    'Tell Postflight',
    'Deploy',
    'Gate',
    'Roll back',
  ])
  expect(steps.find(({ name }) => name === 'Gate')?.if).toBeUndefined()
})

it('GitLab CI: stages of jobs, a JUnit report of the file that the gate writes', () => {
  const pipeline = tree('gitlab-ci.yml') as {
    stages: string[]
    gate: { stage: string; script: string[]; artifacts: { reports: { junit: string } } }
  }
  expect(pipeline.stages).toContain(pipeline.gate.stage)
  expect(pipeline.gate.script.join(' ')).toContain(`--junit ${pipeline.gate.artifacts.reports.junit}`)
})

it('Argo Rollouts: a web metric whose conditions tell pass, fail and not yet apart', () => {
  const { spec } = tree('argo-rollouts.yaml') as {
    spec: {
      metrics: {
        successCondition: string
        failureCondition: string
        provider: { web: { url: string; jsonPath: string } }
      }[]
    }
  }
  const [metric] = spec.metrics
  expect(metric?.provider.web.jsonPath).toBe('{$.data}')
  expect(new URL((metric?.provider.web.url ?? '').replaceAll(/\{\{.*?\}\}/g, 'x')).pathname).toBe(
    '/api/v1/gates/argo-rollouts',
  )
  expect([metric?.successCondition, metric?.failureCondition]).toEqual([
    'result.decision == "pass"',
    'result.decision == "fail"',
  ])
})

it('Flagger: each webhook asks the hook of its type', () => {
  const { spec } = tree('flagger.yaml') as {
    spec: { analysis: { webhooks: { type: string; url: string }[] } }
  }
  const { webhooks } = spec.analysis
  expect(webhooks).toHaveLength(3)
  for (const { type, url } of webhooks) expect(new URL(url).pathname).toBe(`/api/v1/gates/flagger/${type}`)
})

it('Argo CD: the template makes, of an application, the JSON that the route takes', () => {
  const { data } = tree('argocd-notifications.yaml') as { data: Record<string, string> }
  const trigger = parse(data['trigger.postflight-sync'] ?? '') as { send: string[] }[]
  expect(new Set(trigger.flatMap(({ send }) => send))).toEqual(new Set(['postflight-sync']))
  const { webhook } = parse(data['template.postflight-sync'] ?? '') as {
    webhook: Record<string, { path: string; body: string }>
  }
  expect(data['service.webhook.postflight']).toBeDefined()
  expect(webhook['postflight']?.path).toBe('/api/v1/notices/argocd')
  const app: unknown = {
    metadata: { name: 'checkout-production', labels: null },
    spec: { project: 'shop', destination: { namespace: 'production' } },
    status: {
      sync: { revision: '4f1c2ab90d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a' },
      summary: { images: ['registry.example/acme/checkout:2.7.0'] },
      operationState: {
        phase: 'Running',
        startedAt: '2026-01-01T12:00:00Z',
        finishedAt: null,
      },
    },
  }
  // What Go's templates make of the few expressions that are in it.
  const valueAt = (path: string) =>
    path.split('.').reduce<unknown>((value, step) => (value as Record<string, unknown> | null)?.[step], app)
  const body = (webhook['postflight']?.body ?? '')
    .replaceAll(/\{\{ toJson \.app\.([\w.]+) \}\}/g, (_, path: string) => JSON.stringify(valueAt(path)))
    .replace(
      /\{\{ toJson \(printf "%s\/applications\/%s" .*?\) \}\}/,
      '"http://argocd/applications/checkout"',
    )
  const notice = readArgocd(JSON.parse(body), noticesSchema.parse({}))
  expect(notice).toMatchObject({
    kind: 'news',
    news: [
      { service: 'checkout', environment: 'production', version: '2.7.0', source: { status: 'in_progress' } },
    ],
  })
})
