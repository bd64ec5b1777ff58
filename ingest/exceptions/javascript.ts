import { type Frame, pathTail, splitHead, type Thrown } from './frame.ts'

const LIBRARY =
  /(?:^|[/\\])node_modules[/\\]|^node:|^internal\/|^native$|^<anonymous>$|^\[native code\]$|-extension:\/\/|webpack\/(?:bootstrap|runtime)|[/\\]\.(?:yarn|pnpm|deno)[/\\]/
/** What bundlers call files: content hashes and `.min`. */
const BUNDLE_NAME =
  /[.-](?=[\w-]*\d)[\w-]{8,32}\.(?:m|c)?js$|\.min\.(?:m|c)?js$|^(?:chunk|bundle|vendors?)[.-]/i
/** A column that only code without line breaks has. */
const FAR_RIGHT = 500

/** V8 (`at f (file:1:2)`), and Firefox and Safari (`f@file:1:2`). */
export function parseJavaScript(lines: readonly string[]): readonly Thrown[] {
  const chain: { type: string; message: string; frames: Frame[] }[] = []
  for (const line of lines) {
    const text = line.trim()
    const cause = /^(?:\[cause\]|caused by): /i.exec(text)
    if (cause !== null || chain.length === 0) {
      chain.push({ ...splitHead(text.slice(cause?.[0].length ?? 0)), frames: [] })
      if (cause !== null) continue
    }
    const frame = frameOf(text)
    if (frame !== undefined) chain.at(-1)?.frames.push(frame)
  }
  return chain.some(({ frames }) => frames.length > 0) ? chain : []
}

function frameOf(text: string): Frame | undefined {
  if (text.startsWith('at ')) {
    const call = text.slice(3)
    const open = call.endsWith(')') ? call.lastIndexOf('(') : -1
    return open < 0 ? frame('', call) : frame(call.slice(0, open).trim(), call.slice(open + 1, -1))
  }
  const at = text.indexOf('@')
  if (at < 0 || !/[/\]]/.test(text)) return undefined
  return frame(text.slice(0, at), text.slice(at + 1))
}

function frame(called: string, location: string): Frame | undefined {
  const place = /:(\d{1,9})(?::(\d{1,9}))?$/.exec(location)
  if (place === null && !/^(?:<anonymous>|native|\[native code\]|index \d+)$/.test(location)) return undefined
  const file = (place === null ? location : location.slice(0, place.index)).replace(/^async /, '')
  const path = file.replace(/[?#].*$/, '').replace(/^[a-z][\w+.-]*:\/\/[^/]*\/?/i, '/')
  const name = functionName(called)
  return {
    name,
    file: file.startsWith('node:') ? file : pathTail(path),
    inApp: !LIBRARY.test(file),
    minified: isMinified(name, file, path, Number(place?.[2] ?? 0)),
  }
}

function functionName(called: string): string {
  return called
    .replace(/^(?:async |new )+/, '')
    .replace(/ \[as [^\]]*\]$/, '')
    .replace(/^(?:Object|Function|Module)\./, '')
    .replace(/<anonymous>|\/<|<$/g, '')
    .replace(/[.\s/]+$/, '')
}

function isMinified(name: string, file: string, path: string, column: number): boolean {
  if (column > FAR_RIGHT) return true
  if (BUNDLE_NAME.test(path.slice(path.lastIndexOf('/') + 1))) return true
  // Names of one or two letters in a page's script; a server's own code may well have a function `ok`.
  return /^https?:/.test(file) && /^(?:[\w$]{1,2}\.)?[\w$]{1,2}$/.test(name)
}
