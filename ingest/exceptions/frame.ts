/** One call of a stack trace, without what changes when the code around it does: lines, columns, addresses, generated numbers. */
export interface Frame {
  /** Function with its class or module; '' for an anonymous one. */
  readonly name: string
  /** End of the file's path, two segments; '' where the function's name says it all. */
  readonly file: string
  /** False: the language's, its run time's or a library's. */
  readonly inApp: boolean
  /** True: names are a bundler's or an obfuscator's, and others in the next build. */
  readonly minified: boolean
}

/** One exception of a chain. */
export interface Thrown {
  /** As the trace's own text has it; '' if it does not say. */
  readonly type: string
  readonly message: string
  /** Most recent call first. */
  readonly frames: readonly Frame[]
}

/** Reads the lines of a stack trace. @returns the exception that was reported, then its causes, the root last; empty if it is none of this language */
export type StackParser = (lines: readonly string[]) => readonly Thrown[]

/** Splits `Type: message`. */
export function splitHead(head: string): { readonly type: string; readonly message: string } {
  const text = head.trim()
  const end = text.indexOf(': ')
  const type = end < 0 ? text.replace(/:$/, '') : text.slice(0, end)
  if (!/^[\w.$\\<>`/+:-]+$/.test(type)) return { type: '', message: text }
  return { type, message: end < 0 ? '' : text.slice(end + 2) }
}

/** The last two segments of a path, numbers and hashes in them as `#`: folders of releases and versions come and go. */
export function pathTail(path: string): string {
  return path
    .split(/[/\\]/)
    .filter((part) => part !== '' && part !== '.' && part !== '..')
    .slice(-2)
    .join('/')
    .replace(/[0-9a-f]{8,64}(?![0-9a-z])|\d+(?:\.\d+)*/gi, (part) => (/\d/.test(part) ? '#' : part))
}
