import { parseDotNet } from './dotnet.ts'
import type { StackParser, Thrown } from './frame.ts'
import { parseGo } from './go.ts'
import { parseJava } from './java.ts'
import { parseJavaScript } from './javascript.ts'
import { parsePhp } from './php.ts'
import { parsePython } from './python.ts'
import { parseRuby } from './ruby.ts'

/** Longest line that is looked at, characters: patterns stay cheap on anything longer. */
const MAX_LINE = 500
/** Most lines that are looked at, half of them from the start, half from the end, where some languages have the cause. */
const MAX_LINES = 400

/** A line that only this language's traces have, tried in this order. */
const MARKS: readonly (readonly [mark: RegExp, parse: StackParser])[] = [
  [/^\s*[|+ -]*File "[^"]*", line \d/, parsePython],
  [/^\s*#\d{1,4} (?:.*\(\d+\): |\[internal function\]|\{main\})/, parsePhp],
  [/^\s*at [^()]*\([^()]*\.php(?::\d+)?\)$/, parsePhp],
  [/^\s*\S+\.go:\d+(?: \+0x[0-9a-f]+)?$/, parseGo],
  [/^\s*(?:from )?\S+:\d{1,7}:in [`']/, parseRuby],
  [/^\s*at .*:\d+:\d+\)?$|^\s*at .*\((?:<anonymous>|native)\)$|^[^\s@]*@\S+:\d+:\d+$/, parseJavaScript],
  [
    /^\s*at [^()\s]+\((?:[^()\s]+\.(?:java|kt|kts|scala|groovy|clj)(?::\d+)?|Native Method|Unknown Source(?::\d+)?|[\w$]+:\d+)\)/,
    parseJava,
  ],
  [/^\s*at [^()]*\(.*\)(?: in .*:line \d+)?$/, parseDotNet],
]

/**
 * Reads a stack trace of JavaScript, Java (Kotlin, Scala), Python, Go, .NET, Ruby or PHP; never throws, and takes time in proportion to the text.
 * @returns the exception that was reported, then its causes; empty for what is of another language, Rust among them
 */
export function parseStack(text: string): readonly Thrown[] {
  const lines = text.split('\n').map((line) => line.slice(0, MAX_LINE).replace(/\r$/, ''))
  const kept =
    lines.length <= MAX_LINES ? lines : [...lines.slice(0, MAX_LINES / 2), ...lines.slice(-MAX_LINES / 2)]
  for (const line of kept) {
    for (const [mark, parse] of MARKS) if (mark.test(line)) return parse(kept)
  }
  return []
}
