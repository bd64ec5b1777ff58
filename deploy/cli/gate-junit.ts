import type { Gate } from '../../schemas/contracts/gate.ts'
import { effectText } from './effect-text.ts'
import { levels, outcomeWord, samples, signalName } from './gate-evidence.ts'

/**
 * A gate as JUnit XML, which every pipeline shows: the decision as one test case, and each comparison as another. A case fails where it keeps
 * the release from passing; what is only warned of or on trial is skipped, with its reason.
 */
export function gateJunit(gate: Gate, link: string): string {
  const name = `${gate.service}@${gate.version}`
  const decision = caseXml('decision', name, {
    ...(gate.decision === 'fail'
      ? { failure: { message: outcomeWord(gate), text: gate.reasons.join('\n') } }
      : gate.decision === 'hold' || gate.meaning !== null
        ? { skipped: `${outcomeWord(gate)}: ${gate.reasons[0] ?? ''}` }
        : {}),
    output: [...gate.reasons, `Next step: ${gate.step}`, link].join('\n'),
  })
  const signals = gate.evidence.map((evidence) => {
    const { before, after } = levels(evidence)
    const summary = `${evidence.summary}\n${effectText(evidence)}; ${before} before, ${after} after; n ${samples(evidence)}`
    const isWorse = evidence.word === 'regressed'
    const blocks = isWorse && !evidence.shadow && gate.decision === 'fail'
    return caseXml(signalName(evidence), `${gate.service}.${evidence.signal}`, {
      ...(blocks
        ? { failure: { message: evidence.summary, text: summary } }
        : isWorse
          ? { skipped: `${evidence.shadow ? 'on trial' : outcomeWord(gate)}: ${evidence.summary}` }
          : evidence.word === 'inconclusive'
            ? { skipped: evidence.summary }
            : {}),
      output: summary,
    })
  })
  const cases = [decision, ...signals]
  const seconds = Math.max(0, (Date.parse(gate.decidedAt ?? gate.until) - Date.parse(gate.openedAt)) / 1000)
  const counts = attributes({
    tests: cases.length,
    failures: cases.filter((xml) => xml.includes('<failure ')).length,
    errors: 0,
    skipped: cases.filter((xml) => xml.includes('<skipped ')).length,
    time: seconds.toFixed(3),
  })
  const suite = attributes({
    name: `${name} in ${gate.environment}`,
    timestamp: gate.openedAt.slice(0, 19),
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="postflight gate"${counts}>`,
    `  <testsuite${suite}${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function caseXml(
  name: string,
  className: string,
  result: {
    readonly failure?: { readonly message: string; readonly text: string }
    readonly skipped?: string
    readonly output: string
  },
): string {
  const { failure, skipped, output } = result
  return [
    `    <testcase${attributes({ name, classname: className, time: '0' })}>`,
    ...(failure === undefined
      ? []
      : [
          `      <failure${attributes({ message: failure.message, type: 'regression' })}>${escaped(failure.text)}</failure>`,
        ]),
    ...(skipped === undefined ? [] : [`      <skipped${attributes({ message: skipped })}/>`]),
    `      <system-out>${escaped(output)}</system-out>`,
    '    </testcase>',
  ].join('\n')
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(
      ([name, value]) =>
        ` ${name}="${escaped(String(value)).replaceAll('"', '&quot;').replaceAll('\n', '&#10;')}"`,
    )
    .join('')
}

/** XML 1.0 has no way to write most control characters: they are left out. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
