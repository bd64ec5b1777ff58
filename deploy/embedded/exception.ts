/** An error as ClickHouse tells it over HTTP: `Code: N. DB::Exception: text. (NAME)`. */
export class ClickHouseException extends Error {
  readonly code: number

  constructor(code: number, name: string, text: string) {
    super(`Code: ${code}. DB::Exception: ${text} (${name})`)
    this.name = 'ClickHouseException'
    this.code = code
  }
}

/**
 * HTTP status per exception code, as the server's `exceptionCodeToHTTPStatus` maps them; every other code is 500.
 */
const CODES_OF_STATUS: ReadonlyArray<readonly [status: number, codes: readonly number[]]> = [
  [
    400,
    [
      6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675,
      676,
    ],
  ],
  [401, [194]],
  [403, [192, 193, 497, 512, 516]],
  [404, [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511]],
  [408, [159]],
  [411, [381]],
  [413, [229]],
  [415, [779]],
  [501, [48]],
  [503, [76, 209, 439]],
]

const STATUS_OF_CODE = new Map(
  CODES_OF_STATUS.flatMap(([status, codes]) => codes.map((code) => [code, status])),
)

/** @returns the HTTP status that ClickHouse answers an exception of this code with */
export function statusOfCode(code: number): number {
  return STATUS_OF_CODE.get(code) ?? 500
}

/**
 * @param error what the engine or this server threw
 * @returns its exception code and the text to answer with, on one exception level
 */
export function describeException(error: unknown, version: string): { code: number; text: string } {
  const message = error instanceof Error ? error.message : String(error)
  // The engine nests an exception of an insert's input in another of the same code.
  const text = message.replace(/^Code: (\d+)\. DB::Exception: (?=Code: \1\. DB::Exception: )/, '').trim()
  const code = /^Code: (\d+)\./.exec(text)?.[1]
  if (code === undefined) {
    return { code: 1002, text: `Code: 1002. DB::Exception: ${text} (UNKNOWN_EXCEPTION) (version ${version})` }
  }
  return { code: Number(code), text: text.includes('(version ') ? text : `${text} (version ${version})` }
}

/**
 * The bytes that end a result which failed after its header was sent, as ClickHouse since 25.11 writes them; the tag is
 * the `X-ClickHouse-Exception-Tag` header's.
 */
export function exceptionTail(text: string, tag: string): Buffer {
  const message = Buffer.from(`${text}\n`)
  return Buffer.concat([
    Buffer.from(`\r\n__exception__\r\n${tag}\r\n`),
    message,
    Buffer.from(`${message.length} ${tag}\r\n__exception__\r\n`),
  ])
}
