import { type Frame, splitHead, type Thrown } from './frame.ts'

const LIBRARY =
  /^(?:System|Microsoft|Npgsql|MySqlConnector|MySql\.Data|Newtonsoft|Grpc|Google\.Protobuf|OpenTelemetry|MediatR|AutoMapper|Polly|Serilog|NLog|Dapper|StackExchange|RabbitMQ|MassTransit|FluentValidation|Azure|Amazon|Castle|xunit|Xunit|NUnit)\.|^lambda_method/
const INNER = ' ---> '

/** `Exception.ToString()`: heads from the outer exception to the inner, frames from the inner to the outer. */
export function parseDotNet(lines: readonly string[]): readonly Thrown[] {
  const heads: string[] = []
  const frames: Frame[][] = [[]]
  for (const line of lines) {
    const text = line.trim()
    const frame = frameOf(text)
    if (frame !== undefined) frames.at(-1)?.push(frame)
    else if (text.startsWith('--- End of inner exception')) frames.push([])
    else if (heads.length === 0 || text.startsWith(INNER.trim()))
      heads.push(...` ${text}`.split(INNER).filter((head) => head.trim() !== ''))
    else if (text.includes(INNER)) heads.push(...text.split(INNER).slice(1))
  }
  if (frames.every((each) => each.length === 0)) return []
  const outerFirst = frames.reverse()
  return heads.map((head, i) => ({ ...splitHead(head), frames: outerFirst[i] ?? [] }))
}

function frameOf(text: string): Frame | undefined {
  const open = text.indexOf('(')
  if (!text.startsWith('at ') || open < 0) return undefined
  const name = text
    .slice(3, open)
    // What the compiler makes of async methods, iterators, lambdas and local functions is named after the method that they stand in.
    .replace(/\.?<>c(?:__DisplayClass[\d_]+)?(?:`\d+)?/g, '')
    .replace(/<(\w+)>[dbg]__[\w|]*/g, '$1')
    // Of an async lambda the name of the one is in the other's: `<<Load>b__0>d`.
    .replace(/<(\w+)>d\b/g, '$1')
    .replace(/\.MoveNext$/, '')
    .replace(/`\d+|\[[^\]]*\]/g, '')
    .trim()
  return { name, file: '', inApp: !LIBRARY.test(name), minified: false }
}
