import { expect, test } from 'vitest'
import { nameOfKind, readKind, titleSql } from '../../schemas/exception-kind.ts'
import { renamedKinds } from './renamed.ts'

const kind = (version: number, title: string, fingerprint = 'abcdef0123') =>
  nameOfKind(title, 'price (cart.js)', version, fingerprint)

test('a name says its version, title and type; one without a fingerprint is of version 0', () => {
  expect(readKind(kind(3, 'TypeError: no · item: #'))).toEqual({
    version: 3,
    title: 'TypeError: no . item: #',
    type: 'TypeError',
  })
  expect(readKind('Declined: no funds')).toEqual({
    version: 0,
    title: 'Declined: no funds',
    type: 'Declined',
  })
  expect(readKind('Declined · 12')).toMatchObject({ version: 0 })
  expect(titleSql('dimension')).toBe("splitByString(' · ', dimension)[1]")
})

test('where a version follows another, kinds of the types that both name are not compared, and all others are', () => {
  const before = [kind(1, 'TypeError: a'), kind(1, 'Declined: b'), 'Timeout: c']
  const after = [kind(2, 'TypeError: a'), kind(2, 'Overflow: d'), 'Timeout: e']
  expect([...renamedKinds([...before, ...after])]).toEqual([kind(1, 'TypeError: a'), kind(2, 'TypeError: a')])
  expect(renamedKinds(before).size).toBe(0)
})
