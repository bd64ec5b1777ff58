import { describe, expect, it } from 'vitest'
import { sharedSources, usersOf } from './collectors.ts'
import { loadConfig } from './config-load.ts'
import { settings } from './config-settings.ts'

const load = (collectors: object, env: Record<string, string> = {}) =>
  loadConfig({
    env,
    cwd: '/nowhere',
    flags: { 'collectors.prometheus': JSON.stringify([{ url: 'http://x.test/metrics', ...collectors }]) },
  }).config.collectors

describe('settings of collectors', () => {
  it('take a secret from the variable that they name, and are never printed', () => {
    const [target] = load({ bearerTokenVariable: 'TOKEN' }, { TOKEN: 'hush' }).prometheus
    expect(target?.bearerToken).toBe('hush')
    expect(settings().find(({ path }) => path === 'collectors.prometheus')?.secret).toBe(true)
  })

  it.each([
    [{ bearerTokenVariable: 'TOKEN' }, 'the variable TOKEN is not set'],
    [{ bearerTokenVariable: 'POSTFLIGHT_TOKEN' }, 'does not begin with POSTFLIGHT_'],
    [{ url: 'http://me:hush@x.test/' }, 'no name and password in an address'],
    [{ intervalSecond: 5 }, 'intervalSecond'],
  ])('refuse %j', (target, message) => {
    expect(() => load(target)).toThrow(message)
  })

  it('tie a source to the services that share it, in its environment', () => {
    const collectors = load({ environment: 'prod', services: ['checkout', 'cart'] })
    expect(sharedSources(collectors, { service: 'cart', environment: 'prod' })).toEqual([
      { name: 'x.test', services: ['checkout', 'cart'] },
    ])
    expect(sharedSources(collectors, { service: 'cart', environment: 'test' })).toEqual([])
    expect(sharedSources(collectors, { service: 'stock', environment: 'prod' })).toEqual([])
    expect(usersOf(collectors, { name: 'x.test', environment: 'prod' })).toEqual(['checkout', 'cart'])
    expect(usersOf(collectors, { name: 'x.test', environment: 'test' })).toEqual([])
    expect(usersOf(collectors, { name: 'cart', environment: 'prod' })).toEqual([])
  })
})
