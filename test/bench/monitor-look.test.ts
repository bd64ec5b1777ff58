import { expect, it } from 'vitest'
import { measureLook } from './monitor-look.ts'

// The engine's CPU is read from /proc.
it.skipIf(process.platform !== 'linux')(
  'looks at some services with 40 signals in 5 dimensions for little (the long form: npm run bench:monitor -- --only look)',
  { timeout: 300_000 },
  async () => {
    const { monitorSeconds, engineSeconds } = await measureLook(10, () => {})
    expect(monitorSeconds).toBeGreaterThan(0)
    expect(monitorSeconds + engineSeconds).toBeLessThan(1)
  },
)
