import { expect, test } from 'vitest'
import { configSchema } from '../schemas/config.ts'
import { startSelfObservation } from './self-observation.ts'

test.each(['http://127.0.0.1:4318', 'http://localhost:4318/', 'http://[::1]:4318'])(
  'sending to its own receiver (%s) is refused unless asked for',
  (endpoint) => {
    const config = configSchema.parse({ selfObservation: { endpoint } })
    expect(() => startSelfObservation(config, '0')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  },
)
