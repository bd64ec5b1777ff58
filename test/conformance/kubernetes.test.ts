import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Intake } from '../../ingest/intake.ts'
import { LogsTranscoder } from '../../ingest/protobuf/logs.ts'
import { Scrubber } from '../../ingest/scrub/scrubber.ts'
import { LogsBlock } from '../../ingest/tables/otel-logs.ts'
import { SCRUB_RULES, scrubSchema } from '../../schemas/scrub.ts'
import { readBlock } from './native-reader.ts'
import { encode, official } from './official.ts'

const NOW = Date.UTC(2026, 10, 23, 12)
const transcoder = new LogsTranscoder(new Scrubber(scrubSchema.parse({ off: SCRUB_RULES })))

type Value = string | readonly string[]

/** What is stored of resources, each with two records. */
function stored(...resources: Readonly<Record<string, Value>>[]) {
  const encoded = (value: Value) =>
    typeof value === 'string'
      ? { stringValue: value }
      : { arrayValue: { values: value.map((stringValue) => ({ stringValue })) } }
  const record = { timeUnixNano: `${BigInt(NOW) * 1_000_000n}`, body: { stringValue: 'x' } }
  const request = encode(official.logs, {
    resourceLogs: resources.map((attributes) => ({
      resource: {
        attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: encoded(value) })),
      },
      scopeLogs: [{ logRecords: [record, record] }],
    })),
  })
  const block = new LogsBlock()
  transcoder.transcode(request, block, new Intake(NOW, 86_400_000, 3_600_000, 1e9))
  return readBlock(Buffer.concat(block.encode())).map((row) => ({
    service: row['ServiceName'],
    attributes: Object.fromEntries(row['ResourceAttributes'] as [string, string][]) as Record<string, string>,
  }))
}

describe('a pod that says neither service nor version', () => {
  it.each<[string, Record<string, Value>, string | undefined]>([
    [
      'the label',
      { 'k8s.pod.label.app.kubernetes.io/version': '2.7.0', 'container.image.tags': ['9'] },
      '2.7.0',
    ],
    ['the label by its older name', { 'k8s.pod.labels.app.kubernetes.io/version': '2.7.0' }, '2.7.0'],
    ['the image’s tag', { 'container.image.tags': ['latest', '2.7.0'] }, '2.7.0'],
    ['the image’s tag by its older name', { 'container.image.tag': 'v2.7.0' }, 'v2.7.0'],
    ['a tag that moves says nothing', { 'container.image.tags': ['latest'] }, undefined],
    ['nothing of Kubernetes', { 'host.name': 'a' }, undefined],
  ])('has a version by %s', (_, attributes, version) => {
    for (const row of stored(attributes)) expect(row.attributes['service.version']).toBe(version)
  })

  it('is called like its application or workload', () => {
    const name = 'k8s.pod.label.app.kubernetes.io/name'
    const rows = stored(
      { 'k8s.deployment.name': 'checkout', [name]: 'pay' },
      { 'k8s.deployment.name': 'checkout' },
      { 'k8s.deployment.name': 'checkout', 'service.name': 'own' },
    )
    expect(rows.map(({ service }) => service)).toEqual(['pay', 'pay', 'checkout', 'checkout', 'own', 'own'])
  })
})

it('what a service says itself stays, and so does everything beside what is added', () => {
  const key = fc.constantFrom('a', 'host.name', 'k8s.pod.name', 'z', 'container.id', 'service.namespace')
  fc.assert(
    fc.property(
      fc.dictionary(key, fc.string({ maxLength: 300 })),
      fc.option(fc.string({ minLength: 1, maxLength: 300 }), { nil: undefined }),
      (others, own) => {
        const label = { 'app.kubernetes.io/version': `label ${'x'.repeat(others['a']?.length ?? 0)}` }
        const attributes = { ...others, ...label, ...(own === undefined ? {} : { 'service.version': own }) }
        const expected = {
          ...attributes,
          'service.version': own ?? label['app.kubernetes.io/version'],
        }
        // Another resource before and after it: nothing of one may show in the other.
        const rows = stored({ only: 'this' }, attributes, { only: 'this' })
        expect(rows.map((row) => row.attributes)).toEqual([
          { only: 'this' },
          { only: 'this' },
          expected,
          expected,
          { only: 'this' },
          { only: 'this' },
        ])
      },
    ),
    { numRuns: 200 },
  )
})
