import { expect, it } from 'vitest'
import { RequestDecoder } from '../../ingest/request-decoder.ts'
import { FuzzInputs } from './fuzz-inputs.ts'
import { Fuzzer } from './fuzzer.ts'

it('random and damaged requests are refused, put aside or stored, and nothing beside them is read', () => {
  const counts = new Fuzzer(new FuzzInputs(20261124)).run(0, 6_000)
  expect(counts.failures).toEqual([])
  expect(counts.inputs).toBe(6_000)
  // The inputs reach all of it: refusals, records put aside, rows.
  for (const reached of [counts.refused, counts.putAside, counts.rows]) expect(reached).toBeGreaterThan(100)
})

it('a decoder that crashes, reads past the end, or writes to its input is found', () => {
  const inputs = new FuzzInputs(1)
  const failures = (planted: (body: Buffer) => void) => {
    const fuzzer = new Fuzzer(inputs, () => {
      const decoder = new RequestDecoder()
      return (request, blocks, intake) => {
        planted(request.body)
        decoder.decode(request, blocks, intake)
      }
    })
    return fuzzer.run(0, 200).failures.map(({ what }) => what)
  }
  const crash = failures((body) => {
    if (body[0] === 10) throw new RangeError('planted')
  })
  expect(crash[0]).toContain('RangeError: planted')
  const past = failures((body) => {
    const beyond = new Uint8Array(body.buffer)[body.byteOffset + body.length]
    if (beyond !== undefined) throw new TypeError('there is a byte after the end')
  })
  expect(past[0]).toContain('there is a byte after the end')
  const written = failures((body) => {
    if (body.length > 0) body[body.length - 1] = 1
  })
  expect(written).toContain('the input is written to')
  expect(failures(() => {})).toEqual([])
})
