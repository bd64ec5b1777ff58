import { expect, it } from 'vitest'
import { KnownRoutes } from './known-routes.ts'

it('tells the methods of a path, encoded parts and all', () => {
  const known = new KnownRoutes()
  known.add('/releases/:service/:version', 'GET')
  known.add('/releases/:service/:version', ['HEAD'])
  known.add('/deployments', 'POST')
  expect(known.methodsOf('/releases/checkout/a%2Fb')).toEqual(['GET', 'HEAD'])
  expect(known.methodsOf('/deployments')).toEqual(['POST'])
  expect(known.methodsOf('/releases/checkout/a/b')).toEqual([])
  expect(known.methodsOf('/deploymentsX')).toEqual([])
})
