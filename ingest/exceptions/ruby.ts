import { type Frame, pathTail, type Thrown } from './frame.ts'

const LIBRARY =
  /[/\\]gems[/\\]|[/\\]lib[/\\]ruby[/\\]|[/\\]rubygems|^<internal:|[/\\](?:vendor[/\\])?bundle[/\\]|[/\\]rubies[/\\]/

/** `Exception#full_message` and `backtrace`: `file:line:in 'method'`; the line of an exception ends with its type in brackets, causes come last. */
export function parseRuby(lines: readonly string[]): readonly Thrown[] {
  const chain: { type: string; message: string; frames: Frame[] }[] = []
  for (const line of lines) {
    const text = line.trim().replace(/^from /, '')
    const place = /^(.{1,400}?):\d{1,7}:in [`'](.*)$/.exec(text)
    if (place === null) continue
    const rest = place[2] ?? ''
    const end = rest.indexOf("'")
    const head = end < 0 ? null : /^: (.*) \(([A-Z][\w:]*)\)$/.exec(rest.slice(end + 1))
    if (chain.length === 0 || head !== null)
      chain.push({ type: head?.[2] ?? '', message: head?.[1] ?? '', frames: [] })
    const file = place[1] ?? ''
    chain.at(-1)?.frames.push({
      name: (end < 0 ? rest : rest.slice(0, end)).replace(/^(?:block|rescue|ensure)\b.* in /, ''),
      file: pathTail(file),
      inApp: !LIBRARY.test(file),
      minified: false,
    })
  }
  return chain
}
