/** A ClickHouse string literal: for data definition statements, where the server takes no parameters. */
export function sqlString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** The first attribute of a map column that is there and not empty, by the new semantic-convention name first. */
export function attribute(map: string, ...keys: [string, ...string[]]): string {
  const [first, ...rest] = keys.map((key) => `${map}[${sqlString(key)}]`) as [string, ...string[]]
  return firstOf(first, ...rest)
}

/** The first of these texts that is not empty. */
export function firstOf(...texts: [string, ...string[]]): string {
  return texts.reduceRight((rest, value) => `if(${value} != '', ${value}, ${rest})`)
}

/** Words that vary from one occurrence to the next (numbers, hexadecimal ids, quoted text) become `#`. */
export function template(text: string): string {
  return `replaceRegexpAll(substring(${text}, 1, 200), '"[^"]*"|\\'[^\\']*\\'|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|[0-9a-fA-F]{12,}|[0-9]+', '#')`
}

/** At most 200 characters: of longer texts the beginning and a hash, for what tells them apart may come late. */
export function shortened(text: string): string {
  return `if(length(${text}) <= 200, ${text}, concat(substringUTF8(${text}, 1, 180), ' ... ', lower(hex(toUInt32(cityHash64(${text}))))))`
}
