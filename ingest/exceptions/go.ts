import { type Frame, pathTail, type Thrown } from './frame.ts'

/** GOROOT, the module cache and vendored modules; frames without a path by their package. */
const LIBRARY =
  /[/\\]go[/\\](?:src|pkg[/\\]mod)[/\\]|[/\\](?:vendor|golang\.org|toolchain@[^/]*)[/\\]|go1\.\d+[^/]*[/\\]src[/\\]|@v\d+\./
const RUN_TIME = /^(?:panic$|runtime[./]|testing\.|reflect\.|net\/http\.|sync\.)/

/** A panic's or `debug.Stack`'s first goroutine, and `%+v` of pkg/errors: a function's line, then its file's. */
export function parseGo(lines: readonly string[]): readonly Thrown[] {
  let frames: Frame[] = []
  let called = ''
  let goroutines = 0
  let message = ''
  for (const line of lines) {
    const text = line.trim()
    if (text.startsWith('goroutine ') && ++goroutines > 1) break
    if (text.startsWith('created by ')) break
    if (text.startsWith('panic: ')) message = text.slice(7)
    const place = /^(\S+\.go|_cgo_gotypes\.go):\d+(?: \+0x[0-9a-f]+)?$/.exec(text)
    if (place === null) {
      called = text
      continue
    }
    const name = functionName(called)
    const file = place[1] ?? ''
    called = ''
    // What stands above the panic only reported it.
    if (name === 'panic') frames = []
    frames.push({
      name,
      file: pathTail(file),
      inApp: !LIBRARY.test(file) && !RUN_TIME.test(name),
      minified: false,
    })
  }
  return frames.length > 0 ? [{ type: '', message, frames }] : []
}

function functionName(called: string): string {
  const open = called.endsWith(')') ? called.lastIndexOf('(') : -1
  return (open > 0 ? called.slice(0, open) : called)
    .replace(/\[\.\.\.\]/g, '')
    .replace(/\.func\d+(?:\.(?:func)?\d+)*/g, '.func')
    .replace(/-(?:fm|range\d+)$/, '')
}
