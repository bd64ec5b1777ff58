import type { Gate } from '../../schemas/contracts/gate.ts'
import { effectText } from './effect-text.ts'
import { levels, outcomeWord, samples, signalName } from './gate-evidence.ts'

const MARKS = { pass: '✅', hold: '⏳', fail: '❌' } as const

/** A gate as a comment on a pull request, or as the summary of a job. */
export function gateMarkdown(gate: Gate, link: string): string {
  const mark = gate.decision === 'pass' && gate.meaning !== null ? '⚠️' : MARKS[gate.decision]
  const lines = [
    `### ${mark} ${text(gate.service)} ${code(gate.version)} in ${text(gate.environment)}: ${outcomeWord(gate)}`,
    '',
    ...gate.reasons.map((reason) => `- ${text(reason)}`),
    '',
    `Next step: **${gate.step.replace('_', ' ')}**. ${
      gate.deployedAt === null
        ? 'No deployment was found.'
        : `Deployed ${gate.deployedAt}, compared with ${gate.baselineVersion === null ? 'nothing' : code(gate.baselineVersion)}.`
    }`,
  ]
  if (gate.evidence.length > 0) {
    lines.push(
      '',
      '| Signal | Before | After | n before / after | Change (interval) | Word |',
      '| --- | ---: | ---: | ---: | ---: | --- |',
      ...gate.evidence.map(
        (evidence) =>
          `| ${[
            signalName(evidence),
            levels(evidence).before,
            levels(evidence).after,
            samples(evidence),
            effectText(evidence),
            `${evidence.word}${evidence.shadow ? ' (on trial)' : ''}`,
          ]
            .map(text)
            .join(' | ')} |`,
      ),
    )
  }
  return `${[...lines, '', `[The report](${link})`].join('\n')}\n`
}

/** Names and reasons come from telemetry: they must not become links, markup, mentions or columns. */
function text(value: string): string {
  return value
    .replaceAll(/[\r\n]+/g, ' ')
    .replaceAll(/[\\`*_[\]#!|~]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '&#64;')
}

/** Between more backticks than it has itself. */
function code(value: string): string {
  const flat = value.replaceAll(/[\r\n|]+/g, ' ')
  const ticks = '`'.repeat(1 + Math.max(0, ...[...flat.matchAll(/`+/g)].map(([run]) => run.length)))
  return ticks.length === 1 ? `\`${flat}\`` : `${ticks} ${flat} ${ticks}`
}
