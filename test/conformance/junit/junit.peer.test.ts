import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { gateJunit } from '../../../deploy/cli/gate-junit.ts'
import { gatesOfAllKinds } from './gates.ts'

const SCHEMA = join(import.meta.dirname, 'junit.xsd')
const lint = (xml: string) =>
  execFileSync('/usr/bin/xmllint', ['--noout', '--nonet', '--schema', SCHEMA, '-'], {
    input: xml,
    stdio: 'pipe',
  })

it.each(gatesOfAllKinds())(
  'JUnit XML of a gate that says $decision is valid, whatever names are in it',
  (gate) => {
    expect(() => lint(gateJunit(gate, 'http://postflight/?a=1&b=2'))).not.toThrow()
  },
)

it('the schema refuses what is not JUnit', () => {
  expect(() => lint('<testsuites tests="1" failures="0" errors="0"><testcase/></testsuites>')).toThrow()
})
