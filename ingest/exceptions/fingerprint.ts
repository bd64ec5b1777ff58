import { hash } from 'node:crypto'
import { nameOfKind } from '../../schemas/exception-kind.ts'
import type { Frame, Thrown } from './frame.ts'
import { normaliseMessage } from './message.ts'
import { parseStack } from './stack.ts'

/**
 * Version of everything that a fingerprint depends on: parsers, in-app rules, normalisation, this file. Raise it with any change that gives an
 * exception another name; analysis then does not take the renamed for new (analytics/compare/renamed.ts).
 */
export const FINGERPRINT_VERSION = 1

/** In-app frames that enter: the place and two callers; more would tell apart ways of getting there. */
const TOP_FRAMES = 3
const MAX_TYPE = 120
const MAX_CULPRIT = 120

export interface FingerprintOptions {
  /** What else is a library: starts of functions' names (`com.acme.framework.`) or parts of files' paths (`shared/http`). */
  readonly libraries?: readonly string[]
}

/**
 * The kind of an exception: by type, normalised message, types of its causes, and the top in-app frames of the root cause (or, where that has none,
 * of the next one outwards); without any in-app frame the top one of all. Minified frames never enter.
 * @returns its name (schemas/exception-kind.ts); '' if all three are empty
 */
export function exceptionKind(
  exception: { readonly type: string; readonly message: string; readonly stack: string },
  options: FingerprintOptions = {},
): string {
  const chain = exception.stack === '' ? [] : parseStack(exception.stack)
  const said = chain[0]
  const type = oneLine(exception.type || said?.type || '', MAX_TYPE)
  const message = normaliseMessage(exception.message || said?.message || '')
  if (type === '' && message === '' && chain.length === 0) return ''
  const causes = chain.slice(1).map((thrown) => oneLine(thrown.type, MAX_TYPE))
  const frames = tellingFrames(chain, options.libraries ?? [])
  const parts = [type, message, ...causes, ...frames.map(({ name, file }) => `${name}\t${file}`)]
  const title = message === '' ? type || '(unnamed)' : `${type || '(unnamed)'}: ${message}`
  const fingerprint = hash('sha256', parts.join('\n')).slice(0, 10)
  return nameOfKind(title, culpritOf(frames[0]), FINGERPRINT_VERSION, fingerprint)
}

function tellingFrames(chain: readonly Thrown[], libraries: readonly string[]): readonly Frame[] {
  const readable = chain.map(({ frames }) => frames.filter(({ minified }) => !minified)).reverse()
  const own = readable
    .map((frames) => frames.filter((frame) => frame.inApp && !isLibrary(frame, libraries)))
    .find((frames) => frames.length > 0)
  if (own !== undefined) return withoutRecursion(own).slice(0, TOP_FRAMES)
  return readable.find((frames) => frames.length > 0)?.slice(0, 1) ?? []
}

function isLibrary(frame: Frame, libraries: readonly string[]): boolean {
  return libraries.some((text) => frame.name.startsWith(text) || frame.file.includes(text))
}

/** A function that calls itself counts once, however deep it was. */
function withoutRecursion(frames: readonly Frame[]): readonly Frame[] {
  return frames.filter((frame, i) => frame.name !== frames[i - 1]?.name || frame.file !== frames[i - 1]?.file)
}

function culpritOf(frame: Frame | undefined): string {
  if (frame === undefined) return ''
  const { name, file } = frame
  return oneLine(name === '' ? file : file === '' ? name : `${name} (${file})`, MAX_CULPRIT)
}

function oneLine(text: string, length: number): string {
  return text.slice(0, length).replace(/\s+/g, ' ').trim()
}
