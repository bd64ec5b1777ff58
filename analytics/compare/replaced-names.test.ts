import { describe, expect, it } from 'vitest'
import { replacedNames } from './replaced-names.ts'

const of = (frequencies: Record<string, number>) => new Map(Object.entries(frequencies))

describe('names that took the place of others', () => {
  it('pairs what ended with what began as often and alike', () => {
    expect(
      replacedNames(
        of({ 'GET /users/:id': 10, 'GET /carts/:id': 9, 'GET /health': 2 }),
        of({ 'GET /carts/{id}': 10, 'GET /users/{id}': 9, 'GET /health': 2 }),
      ),
    ).toEqual([
      { from: 'GET /users/:id', to: 'GET /users/{id}' },
      { from: 'GET /carts/:id', to: 'GET /carts/{id}' },
    ])
  })

  it('leaves alone what is there on both sides, what began beside nothing, and what is seen much more often', () => {
    expect(replacedNames(of({ 'GET /a': 5 }), of({ 'GET /a': 5, 'GET /a/b': 5 }))).toEqual([])
    expect(replacedNames(of({ 'GET /cart': 5 }), of({ 'GET /cart/new': 50 }))).toEqual([])
  })

  it('does not pair names without a word in common, nor rare ones', () => {
    expect(replacedNames(of({ 'GET /a': 5 }), of({ 'GET /b': 5 }))).toEqual([])
    expect(replacedNames(of({ 'GET /cart/1': 0.01 }), of({ 'GET /cart/2': 0.01 }))).toEqual([])
  })
})
