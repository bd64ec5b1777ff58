import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scrubSchema } from '../../schemas/scrub.ts'
import { luhn } from './card.ts'
import { maskPayload } from './payload.ts'
import { Scrubber } from './scrubber.ts'

const scrubber = new Scrubber()
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'
const PRIVATE_KEY =
  '-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq\n+/x==\n-----END RSA PRIVATE KEY-----'

/** Texts, and what is stored of them. Keys are put together here, so that no scanner takes them for real ones. */
const REMOVED: readonly (readonly [string, string])[] = [
  ['paid with 4111111111111111.', 'paid with [scrubbed:card].'],
  ['4111 1111 1111 1111 and 3782-822463-10005', '[scrubbed:card] and [scrubbed:card]'],
  ['{"pan":"5555555555554444"}', '{"pan":"[scrubbed:card]"}'],
  ['Authorization: Bearer abc.def-1', 'Authorization: [scrubbed:authorization]'],
  ['authorization=Basic dXNlcjpwYXNz, next', 'authorization=[scrubbed:authorization], next'],
  ['{"Authorization":"Token abcdef"}', '{"Authorization":"[scrubbed:authorization]"}'],
  ['sent bearer 0a1b2c3d4e5f to peer', 'sent bearer [scrubbed:authorization] to peer'],
  ['curl -H "X: Basic dXNlcjpwYXNz"', 'curl -H "X: Basic [scrubbed:authorization]"'],
  ['Cookie: sid=1; theme=dark', 'Cookie: [scrubbed:authorization]'],
  [`token was ${JWT}!`, 'token was [scrubbed:jwt]!'],
  [`key ${'AKIA'}IOSFODNN7EXAMPLE used`, 'key [scrubbed:api_key] used'],
  [`ghp_${'a1B2'.repeat(9)}`, '[scrubbed:api_key]'],
  [`sk_${'live'}_${'4eC39HqLyjWDarjtT1zdp7dc'}`, '[scrubbed:api_key]'],
  [`xoxb-${'123456789012-abcdef'}`, '[scrubbed:api_key]'],
  [`AIza${'Sy'.repeat(17)}x`, '[scrubbed:api_key]'],
  [`glpat-${'x'.repeat(20)} sk-${'ant'}-${'y1'.repeat(20)}`, '[scrubbed:api_key] [scrubbed:api_key]'],
  [`SG.${'a'.repeat(22)}.${'b'.repeat(43)}`, '[scrubbed:api_key]'],
  [`hvs.${'c'.repeat(24)} hf_${'d'.repeat(34)}`, '[scrubbed:api_key] [scrubbed:api_key]'],
  [`pf_0123456789ab_${'e'.repeat(43)}`, '[scrubbed:api_key]'],
  ['postgres://shop:s3cr3t@db:5432/shop', 'postgres://shop:[scrubbed:url_password]@db:5432/shop'],
  ['redis://:hunter2@cache', 'redis://:[scrubbed:url_password]@cache'],
  [`before ${PRIVATE_KEY} after`, 'before [scrubbed:private_key] after'],
  ['-----BEGIN PRIVATE KEY-----\nMIIcut off', '[scrubbed:private_key]'],
  ['/login?user=a&password=hunter2&x=1', '/login?user=a&password=[scrubbed:password]&x=1'],
  ['{"user":"a","password":"hunter two"}', '{"user":"a","password":"[scrubbed:password]"}'],
  ['{\\"db_password\\":\\"x y\\",', '{\\"db_password\\":\\"[scrubbed:password]\\",'],
  ["{'apiKey': 'k-1'}", "{'apiKey': '[scrubbed:password]'}"],
  ['Server=db;Password=abc;', 'Server=db;Password=[scrubbed:password];'],
  ['client_secret = abc', 'client_secret = [scrubbed:password]'],
  ['password: hunter2', 'password: [scrubbed:password]'],
]
const KEPT = [
  'order 4111111111111112 failed',
  '2026-11-24 10:52:54.123 trace 4bf92f3577b34da6a3ce929d0e0e4736',
  'took 0.4111111111111111 s at 1732442000000000000',
  'id 550e8400-e29b-41d4-a716-446655440000 and 12345678-1234-1234-1234-123456789012',
  'the bearer token is invalid, basic authentication failed',
  'https://shop.example.org:8443/a?b=c mail to a.user@example.org',
  'password: too short, Unexpected token: }',
  'WHERE password = ? AND token = $1',
  'password=null secret=*** token=<redacted>',
  '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----',
  'max_tokens=100 tokens: 12 keyboard=1 monkey=2',
  'grüße — 你好',
]

describe('texts', () => {
  it.each(REMOVED)('%j is stored as %j', (text, stored) => {
    expect(scrubber.clean(text)).toBe(stored)
    // What is stored is not touched again.
    expect(scrubber.clean(stored)).toBe(stored)
  })

  it.each(KEPT)('%j is kept', (text) => {
    expect(scrubber.clean(text)).toBe(text)
  })

  it('are suspected by their bytes whenever a rule would change them', () => {
    const secrets = fc.constantFrom(...REMOVED.map(([text]) => text))
    const plain = fc.constantFrom(...KEPT, '', ' ', '"', 'x=', '@', '\\"', 'é')
    const part = fc.oneof(secrets, plain, fc.string({ maxLength: 90 }))
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.nat({ max: 130 }), (parts, shift) => {
        const text = parts.join(' ')
        if (scrubber.clean(text) === text) return
        // At any place of a request, whatever stands around.
        const request = Buffer.from(`${'.'.repeat(shift)}${text}${'.'.repeat(shift % 7)}`)
        scrubber.scan(request)
        expect(scrubber.suspects(shift, shift + Buffer.byteLength(text))).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })

  it('that hold nothing are not suspected, and a request leaves nothing behind', () => {
    const request = Buffer.from('request 829 for /cart finished in 12 ms, 10:52:54, a-b_c')
    scrubber.scan(Buffer.from(REMOVED.map(([text]) => text).join('\n')))
    scrubber.scan(request)
    expect(scrubber.suspects(0, request.length)).toBe(false)
  })

  it('of any kind cost time in proportion to their length', () => {
    const hostile = [
      'eyJ-',
      'a=a="',
      '://a:',
      '-----BEGIN PRIVATE KEY',
      '4111-',
      'Authorization:',
      'sk-',
      '"\\',
    ]
    for (const piece of hostile) {
      const cpu = process.cpuUsage()
      scrubber.clean(piece.repeat(200_000 / piece.length))
      expect(process.cpuUsage(cpu).user / 1e6, piece).toBeLessThan(5)
    }
  })
})

describe('settings', () => {
  const settings = (given: object) => scrubSchema.safeParse(given)

  it('switch single rules off', () => {
    const without = new Scrubber(scrubSchema.parse({ off: ['card', 'key'] }))
    expect(without.clean('4111111111111111 password=a1')).toBe(
      '4111111111111111 password=[scrubbed:password]',
    )
    expect(without.hides('authorization')).toBe(false)
  })

  it('add rules and keys', () => {
    const own = new Scrubber(
      scrubSchema.parse({
        keys: ['Customer-Id'],
        rules: [
          { name: 'customer', pattern: 'CUST-\\d{4}', contains: 'CUST-' },
          { name: 'mail', pattern: '[a-z.]+@example\\.org' },
        ],
      }),
    )
    expect(own.clean('CUST-1234 is a.b@example.org')).toBe('[scrubbed:customer] is [scrubbed:mail]')
    expect(own.hides('app.customer_id')).toBe(true)
    own.scan(Buffer.from('nothing'))
    expect(own.suspects(0, 7)).toBe(true)
  })

  it('of rules with a text that must be there look only where it is', () => {
    const rules = [{ name: 'customer', pattern: 'CUST-\\d{4}', contains: 'CUST-' }]
    const own = new Scrubber(scrubSchema.parse({ rules }))
    const request = Buffer.from(`${'.'.repeat(128)}CUST-1234`)
    own.scan(request)
    expect([own.suspects(0, 100), own.suspects(128, 137)]).toEqual([false, true])
  })

  it.each([
    ['(?=a)b', 'not an RE2'],
    ['(a)\\1', 'not an RE2'],
    ['(', 'not an RE2'],
    ['x*', 'matches the empty text'],
  ])('refuse the pattern %s', (pattern, reason) => {
    const parsed = settings({ rules: [{ name: 'own', pattern }] })
    expect(parsed.success).toBe(false)
    expect(parsed.error?.issues[0]?.message).toContain(reason)
  })

  it('take patterns that would make a backtracking matcher slow', () => {
    const rules = [{ name: 'own', pattern: '(a+)+$' }]
    const own = new Scrubber(scrubSchema.parse({ rules }))
    expect(own.clean(`${'a'.repeat(5_000)}b`)).toBe(`${'a'.repeat(5_000)}b`)
  })
})

describe('attribute keys', () => {
  it.each([
    'authorization',
    'http.request.header.Authorization',
    'http.request.header.cookie.0',
    'http.response.header.set-cookie',
    'http.request.header.x-api-key',
    'db.password',
    'user_password',
    'aws.secretAccessKey',
    'token',
  ])('%s is hidden', (key) => expect(scrubber.hides(key)).toBe(true))

  it.each(['http.route', 'gen_ai.usage.input_tokens', 'token.type', 'session.id', 'password.length', 'key'])(
    '%s is not',
    (key) => expect(scrubber.hides(key)).toBe(false),
  )
})

it('payloads that could not be read keep their length and lose their secrets', () => {
  const json = Buffer.from(
    '{"key":"password","value":{"stringValue":"hunter\\"2"}},{"key":"a","value":{"stringValue":"4111111111111111"}}',
  )
  const masked = maskPayload(json, scrubber)
  expect(masked.length).toBe(json.length)
  expect(masked.toString()).toBe(
    '{"key":"password","value":{"stringValue":"*********"}},{"key":"a","value":{"stringValue":"****************"}}',
  )
  // A KeyValue of protobuf: its key, and an AnyValue with a text.
  const protobuf = Buffer.from('\x0a\x08password\x12\x09\x0a\x07hunter2\x12\x01x', 'latin1')
  expect(maskPayload(protobuf, scrubber).toString('latin1')).toBe(
    '\x0a\x08password\x12\x09\x0a\x07*******\x12\x01x',
  )
})

it("Luhn's check digit is that of a plain reckoning", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^\d{12,18}$/), (digits) => {
      const valid = [...'0123456789'].filter((last) => luhn(digits + last))
      expect(valid).toHaveLength(1)
      let sum = Number(valid[0])
      for (const [i, digit] of [...digits].reverse().entries()) {
        const doubled = i % 2 === 0 ? 2 * Number(digit) : Number(digit)
        sum += Math.floor(doubled / 10) + (doubled % 10)
      }
      expect(sum % 10).toBe(0)
    }),
  )
})
