import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CollectError } from '../collector.ts'
import { type Exposition, type ExpositionLimits, readExposition } from './exposition.ts'
import { parseLine } from './line.ts'

const LIMITS: ExpositionLimits = { maxBytes: 2 ** 20, maxSamples: 1000, maxLine: 10_000 }

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const read = (text: string, open = false, size = 7, limits = LIMITS): Promise<Exposition> =>
  readExposition(chunksOf(Buffer.from(text), size), open, limits)

/** Families as plain data, to compare. */
const plain = ({ families }: Exposition) =>
  families.map(({ name, type, help, unit, samples }) => ({
    name,
    type,
    help,
    unit,
    samples: samples.map((sample) => ({
      ...sample,
      labels: Object.fromEntries(sample.labels),
      ...(sample.exemplar === undefined
        ? {}
        : { exemplar: { ...sample.exemplar, labels: Object.fromEntries(sample.exemplar.labels) } }),
    })),
  }))

describe('the text format', () => {
  it('of its own documentation is read as it says', async () => {
    const text = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
`
    const result = await read(text)
    const [requests, files, minimal, duration] = plain(result)
    expect(requests).toMatchObject({
      type: 'counter',
      help: 'The total number of HTTP requests.',
      samples: [
        { labels: { method: 'post', code: '200' }, value: 1027, time: 1395066363000 },
        { labels: { method: 'post', code: '400' }, value: 3 },
      ],
    })
    expect(files?.samples[0]?.labels).toEqual({
      path: 'C:\\DIR\\FILE.TXT',
      error: 'Cannot find file:\n"FILE.TXT"',
    })
    expect(minimal?.samples[0]?.value).toBe(12.47)
    expect(duration).toMatchObject({ type: 'histogram', samples: [{}, {}, {}, {}] })
    // Nothing here holds a time before 1970.
    expect(result.problems).toEqual(['line 13: expected a timestamp at column 50'])
  })

  it('keeps the good lines, and says which are not', async () => {
    const result = await read('a 1\nb{x=1} 2\nc{x="1" 2\nd two\ne 5\n')
    expect(result.families.map(({ name }) => name)).toEqual(['a', 'e'])
    expect(result.badLines).toBe(3)
    expect(result.problems[0]).toBe('line 2: expected " at column 5')
  })

  it.each([
    ['bytes', '# nothing\n'.repeat(110_000), 'longer than 1048576 bytes'],
    ['samples', Array.from({ length: 1001 }, (_, i) => `a{i="${i}"} 1\n`).join(''), 'more than 1000 samples'],
    ['a line', `a{x="${'y'.repeat(20_000)}"} 1`, 'longer than 10000 characters'],
  ])('has a limit on %s', async (_, text, message) => {
    await expect(read(text, false, 4096)).rejects.toThrow(message)
  })
})

describe('OpenMetrics', () => {
  const text = `# TYPE foo counter
# UNIT foo seconds
# HELP foo All of "it".
foo_total{a="b"} 17.0 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67 1520879607
foo_created{a="b"} 1520430000.123
# TYPE up gauge
up 1
# EOF
`
  it('has units, creation times and exemplars', async () => {
    const result = await read(text, true)
    expect(result.problems).toEqual([])
    expect(plain(result)[0]).toMatchObject({
      name: 'foo',
      type: 'counter',
      unit: 'seconds',
      help: 'All of "it".',
      samples: [
        {
          suffix: '_total',
          value: 17,
          time: 1520879607789,
          exemplar: { labels: { trace_id: 'KOO5S4vxi0o' }, value: 0.67, time: 1520879607000 },
        },
        { suffix: '_created', value: 1520430000.123 },
      ],
    })
  })

  it('that was cut off is refused as a whole', async () => {
    await expect(read(text.replace('# EOF\n', ''), true)).rejects.toThrow('was cut off')
  })

  it.each(['a  1', ' a 1', 'a{x="1", y="2"} 1', 'a 1 ', '# what', 'a 1 2 3', ''])(
    'has no room for %j',
    async (line) => {
      expect((await read(`${line}\n# EOF\n`, true)).badLines).toBe(1)
    },
  )
})

const nameArb = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/)
const labelValue = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\r', ''))
const sampleArb = fc.record({
  name: nameArb.map((name) => `m_${name}_x`),
  labels: fc.dictionary(nameArb, labelValue, { maxKeys: 4 }),
  value: fc.oneof(
    fc.double({ noNaN: true }),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  ),
})
const numberText = (value: number) =>
  Number.isNaN(value)
    ? 'NaN'
    : Number.isFinite(value)
      ? `${Object.is(value, -0) ? '-' : ''}${value}`
      : value > 0
        ? '+Inf'
        : '-Inf'
const escaped = (value: string) =>
  value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')

describe('any exposition', () => {
  it('comes back as it was written, however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(sampleArb, { maxLength: 20 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 50 }),
        async (samples, open, size) => {
          const lines = samples.map(({ name, labels, value }) => {
            const set = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
            return `${name}${set.length === 0 ? '' : `{${set.join(',')}}`} ${numberText(value)}\n`
          })
          const result = await read(`${lines.join('')}${open ? '# EOF\n' : ''}`, open, size)
          expect(result.problems).toEqual([])
          const found = result.families.flatMap((family) => family.samples)
          const byName = [...new Set(samples.map(({ name }) => name))]
          const expected = byName.flatMap((name) => samples.filter((sample) => sample.name === name))
          expect(
            found.map(({ name, labels, value }) => ({ name, labels: Object.fromEntries(labels), value })),
          ).toEqual(expected.map(({ name, labels, value }) => ({ name, labels: { ...labels }, value })))
        },
      ),
    )
  })

  it('of random or damaged text fails with a reason, and never otherwise', () => {
    const damaged = fc
      .tuple(
        fc.constantFrom('a{b="c"} 1 2 # {d="e"} 3 4', '# TYPE a counter', 'a{b="c",d="\\n"} 1e5'),
        fc.nat(),
        fc.string(),
      )
      .map(([line, at, noise]) => line.slice(0, at % line.length) + noise + line.slice(at % line.length))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), damaged), fc.boolean(), (line, open) => {
        try {
          parseLine(line, open)
        } catch (error) {
          expect(error).toBeInstanceOf(CollectError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
