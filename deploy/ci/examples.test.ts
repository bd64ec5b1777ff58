import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
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
