import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pythonWith } from '../../../peers/made-once.ts'

/**
 * Apache Otava (Hunter) from PyPI at its default settings, in one process of its own.
 * @param series without gaps
 * @returns indices of the first values after each change, one list a series
 * @throws Error saying what is missing, where Python or the package cannot be had
 */
export async function otava(series: readonly ArrayLike<number>[]): Promise<readonly (readonly number[])[]> {
  const python = await pythonWith(import.meta.dirname)
  const child = spawn(python, [join(import.meta.dirname, 'detect.py')], { stdio: ['pipe', 'pipe', 'pipe'] })
  let out = ''
  let problem = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    problem += chunk
  })
  child.stdin.end(JSON.stringify(series.map((values) => Array.from(values))))
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code !== 0) throw new Error(`Otava ended with ${code}: ${problem.slice(-2000)}`)
  return JSON.parse(out) as number[][]
}
