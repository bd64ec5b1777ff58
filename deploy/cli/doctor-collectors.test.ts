import { createServer } from 'node:http'
import { expect, it } from 'vitest'
import { collectorsSchema } from '../../schemas/collectors.ts'
import { collectorFindings } from './doctor-collectors.ts'

it('says what is read of a target, and prints the grants of an account that cannot connect', async () => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain')
    response.end('a 1\nb{x="1"} 2\n')
  }).listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  const { port } = server.address() as { port: number }
  const url = `http://127.0.0.1:${port}/metrics`
  const findings = await collectorFindings(
    collectorsSchema.parse({
      prometheus: [
        { url, name: 'web', version: '1' },
        { url, name: 'web' },
      ],
      // Nothing listens on port 1.
      postgresql: [{ name: 'orders-db', database: 'orders', user: 'o"k', port: 1 }],
      mysql: [{ name: 'stock-db', port: 1 }],
      host: { enabled: true, name: 'web-1', proc: '/nowhere' },
    }),
    Date.now,
  )
  server.close()
  expect(findings.map(({ level }) => level)).toEqual(['ok', 'warning', 'problem', 'problem', 'problem'])
  expect(findings[0]?.found).toBe('2 series of web')
  expect(findings[2]?.advice).toContain('GRANT pg_read_all_stats TO "o""k";')
  expect(findings[3]?.advice).toContain("GRANT SELECT ON performance_schema.* TO 'postflight'@'%';")
  expect(findings[4]?.found).toContain('There is no /nowhere/stat')
  expect(findings[3]?.found).toContain('ECONNREFUSED')
})
