/**
 * The name of a kind of exception, as rollups, reports and pages have it:
 * `TypeError: cannot read # · priceCart (checkout/price-cart.js) · 1-9f86d08188`.
 * Title (type and normalised message), culprit (may be missing), version of the algorithm and fingerprint. Names without a fingerprint
 * are of version 0: made in SQL of rows that another program stored.
 */
export interface ExceptionKind {
  /** Version of the algorithm that made it, >= 0. */
  readonly version: number
  readonly title: string
  readonly type: string
}

/** Stands in no title and no culprit. */
const SEPARATOR = ' · '
const FINGERPRINT = /^(\d{1,6})-[0-9a-f]+$/

/** @param fingerprint lower-case hexadecimal digits */
export function nameOfKind(title: string, culprit: string, version: number, fingerprint: string): string {
  const parts = culprit === '' ? [title] : [title, culprit]
  return [...parts.map((part) => part.replaceAll('·', '.')), `${version}-${fingerprint}`].join(SEPARATOR)
}

export function readKind(name: string): ExceptionKind {
  const parts = name.split(SEPARATOR)
  const fingerprint = FINGERPRINT.exec(parts.at(-1) ?? '')
  const known = parts.length > 1 && fingerprint !== null
  const title = known ? (parts[0] ?? '') : name
  const end = title.indexOf(': ')
  return {
    version: known ? Number(fingerprint[1]) : 0,
    title,
    type: end < 0 ? title : title.slice(0, end),
  }
}

/** A kind within a sentence, without its fingerprint: `TypeError: cannot read # in priceCart (checkout/price-cart.js)`. */
export function spokenKind(name: string): string {
  const parts = name.split(SEPARATOR)
  return parts.length > 1 && FINGERPRINT.test(parts.at(-1) ?? '') ? parts.slice(0, -1).join(' in ') : name
}

/** String SQL of a kind's title. @param name String SQL */
export function titleSql(name: string): string {
  return `splitByString('${SEPARATOR}', ${name})[1]`
}
