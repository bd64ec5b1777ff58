import { styleText } from 'node:util'
import type { CliContext } from './context.ts'

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold' | 'cyan'
export type Paint = (colour: Colour, text: string) => string

/** Colours on a terminal only, and not where NO_COLOR is set (no-color.org). */
export function paintFor({ env, out }: Pick<CliContext, 'env' | 'out'>): Paint {
  const coloured = out.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return (colour, text) => (coloured ? styleText(colour, text, { validateStream: false }) : text)
}
