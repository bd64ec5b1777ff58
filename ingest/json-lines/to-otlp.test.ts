import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Intake } from '../intake.ts'
import { jsonToProtobuf } from '../json/to-protobuf.ts'
import { recordOf } from './record.ts'
import { linesToOtlp } from './to-otlp.ts'

const attributesOf = (record: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    (record['attributes'] as { key: string; value: Record<string, unknown> }[]).map(({ key, value }) => [
      key,
      Object.values(value)[0],
    ]),
  )

describe('a line', () => {
  it('of pino', () => {
    const { resource, record } = recordOf(
      {
        level: 50,
        time: 1_790_000_000_123,
        hostname: 'pod-1',
        msg: 'payment failed',
        err: {
          type: 'TypeError',
          message: 'x is undefined',
          stack: 'TypeError: x is undefined\n    at a.js:1:2',
        },
        req: { method: 'POST', status: 500 },
      },
      { 'service.name': 'checkout', 'service.version': '2.7.0' },
    )
    expect(resource).toEqual({
      'service.name': 'checkout',
      'service.version': '2.7.0',
      'service.instance.id': 'pod-1',
    })
    expect(record).toMatchObject({
      timeUnixNano: '1790000000123000000',
      severityNumber: 17,
      body: { stringValue: 'payment failed' },
    })
    expect(attributesOf(record)).toEqual({
      'exception.type': 'TypeError',
      'exception.message': 'x is undefined',
      'exception.stacktrace': 'TypeError: x is undefined\n    at a.js:1:2',
      'req.method': 'POST',
      'req.status': 500,
    })
  })

  it('of the Elastic Common Schema, with a trace', () => {
    const { resource, record } = recordOf(
      {
        '@timestamp': '2026-11-01T10:00:00.123456Z',
        'log.level': 'WARN',
        message: 'slow',
        service: { name: 'catalogue', version: '1.2', environment: 'prod' },
        trace: { id: '0af7651916cd43dd8448eb211c80319c' },
        span: { id: 'b7ad6b7169203331' },
      },
      { 'service.name': 'other' },
    )
    expect(resource).toMatchObject({
      'service.name': 'catalogue',
      'service.version': '1.2',
      'deployment.environment.name': 'prod',
    })
    expect(record).toMatchObject({
      timeUnixNano: '1793527200123456000',
      severityNumber: 13,
      severityText: 'WARN',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
    })
    expect(record['attributes']).toEqual([])
  })

  it("of Python takes the exception's name from the last line of its traceback", () => {
    const exc_info =
      'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nshop.errors.Declined: no funds'
    const { record } = recordOf({ levelname: 'ERROR', message: 'failed', exc_info }, {})
    expect(attributesOf(record)).toMatchObject({
      'exception.type': 'shop.errors.Declined',
      'exception.message': 'no funds',
      'exception.stacktrace': exc_info,
    })
  })

  it.each([
    [1_790_000_000, '1790000000000000000'],
    [1_790_000_000.5, '1790000000500000000'],
    [1_790_000_000_123, '1790000000123000000'],
    ['1790000000123456789', '1790000000123456789'],
    ['2026-11-01T11:00:00+01:00', '1793527200000000000'],
  ])('at %s has the time %s', (time, expected) => {
    expect(recordOf({ time }, {}).record['timeUnixNano']).toBe(expected)
  })

  it('without a name belongs to unknown_service, as the semantic conventions say', () => {
    expect(recordOf({ msg: 'hello' }, {}).resource).toEqual({ 'service.name': 'unknown_service' })
  })
})

describe('a request', () => {
  it('keeps the good lines, and says which are not', () => {
    const { body, rejected } = linesToOtlp(
      Buffer.from(
        '{"msg":"a"}\n\nnot json\n[1]\n{"msg":"b","time":"yesterday"}\n{"msg":"c","service":"x"}\n',
      ),
      {},
    )
    expect(rejected.map(({ line }) => line)).toEqual([3, 4, 5])
    expect(rejected[2]?.reason).toMatchObject({ field: 'timestamp' })
    const { resourceLogs } = JSON.parse(body.toString()) as { resourceLogs: unknown[] }
    expect(resourceLogs).toHaveLength(2)
  })

  it('whose time is beyond all numbers is put aside, and the others are kept', () => {
    const digits = '9'.repeat(400)
    const text = ['{"ts":1e999,"msg":"a"}', `{"ts":"${digits}.5","msg":"b"}`, '{"msg":"c"}'].join('\n')
    const { records, rejected } = linesToOtlp(Buffer.from(text), {})
    expect(records).toBe(1)
    expect(rejected.map(({ line, reason }) => [line, reason.code, reason.field])).toEqual([
      [1, 'JSON_INVALID', 'timestamp'],
      [2, 'JSON_INVALID', 'timestamp'],
    ])
  })

  it('that is nested without end is put aside line by line', () => {
    const deep = (open: string, close: string) =>
      `{"msg":"a","x":${open.repeat(20_000)}1${close.repeat(20_000)}}`
    const text = [deep('[', ']'), deep('{"y":', '}'), '{"msg":"c"}'].join('\n')
    const { records, rejected } = linesToOtlp(Buffer.from(text), {})
    expect(records).toBe(1)
    expect(rejected.map(({ line, reason }) => [line, reason.code])).toEqual([
      [1, 'NESTING_TOO_DEEP'],
      [2, 'NESTING_TOO_DEEP'],
    ])
  })

  it('of any objects becomes OTLP that the decoder takes whole', () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 }), (objects) => {
        const lines = objects.map((object) => JSON.stringify(object)).join('\n')
        const { body, rejected } = linesToOtlp(Buffer.from(lines), {})
        // Only a time may be wrong in an object.
        for (const { reason } of rejected) expect(reason.field).toBe('timestamp')
        const intake = new Intake(Date.now(), 1e15, 1e15, 1e9)
        jsonToProtobuf('logs', body, intake)
        expect(intake.rejections).toEqual([])
      }),
    )
  })
})
