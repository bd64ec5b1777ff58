import { type Frame, pathTail, splitHead, type Thrown } from './frame.ts'

const LIBRARY =
  /[/\\]vendor[/\\]|^\[internal function\]$|^phar:|^(?:Symfony|Illuminate|Composer|GuzzleHttp|Doctrine|Psr|Monolog|OpenTelemetry|Slim|Laminas|Twig|PHPUnit|Predis)[\\.]/

type Open = { type: string; message: string; frames: Frame[] }

/** `(string) $exception` (`#0 file(line): f()`, the previous exception first, then `Next `), and the OpenTelemetry SDK's, which looks like Java's. */
export function parsePhp(lines: readonly string[]): readonly Thrown[] {
  const chain: Open[] = []
  let file = ''
  let javaLike = false
  for (const line of lines) {
    const text = line.trim()
    const call = /^#\d{1,4} (.*)$/.exec(text)?.[1]
    const sdk = /^at ([^()]*)\(([^()]*\.php)(?::\d+)?\)$/.exec(text)
    if (call !== undefined) {
      const split = call.indexOf('): ')
      const [place, called] = call.startsWith('[internal function]: ')
        ? ['[internal function]', call.slice(21)]
        : split < 0
          ? ['', call]
          : [call.slice(0, split).replace(/\(\d+$/, ''), call.slice(split + 3)]
      // A line says where a function was called from: it stands in the file of the line before.
      chain.at(-1)?.frames.push(frame(called, file))
      file = place
    } else if (sdk !== null) {
      javaLike = true
      chain.at(-1)?.frames.push(frame(sdk[1] ?? '', sdk[2] ?? ''))
    } else if (chain.length === 0 || text.startsWith('Next ') || text.startsWith('Caused by: ')) {
      const head = text.replace(/^(?:PHP )?(?:Fatal error: +Uncaught |Next |Caused by: )/, '')
      const place = /^(.*) in (.+):\d+$/.exec(head)
      file = place?.[2] ?? ''
      chain.push({ ...splitHead(place?.[1] ?? head), frames: [] })
    } else {
      const place = / in (\S+):\d+$/.exec(text)
      if (place !== null && chain.at(-1)?.frames.length === 0) file = place[1] ?? ''
    }
  }
  if (chain.every(({ frames }) => frames.length === 0)) return []
  return javaLike ? chain : chain.reverse()
}

function frame(called: string, file: string): Frame {
  const open = called.indexOf('(')
  const name = (open > 0 ? called.slice(0, open) : called).replace(/\{closure[^}]*\}/g, '{closure}').trim()
  return { name, file: pathTail(file), inApp: !LIBRARY.test(file) && !LIBRARY.test(name), minified: false }
}
