/** A ClickHouse string literal: for data definition statements, where the server takes no parameters. */
export function sqlString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** The first attribute of a map column that is there and not empty, by the new semantic-convention name first. */
export function attribute(map: string, ...keys: [string, ...string[]]): string {
  return keys
    .map((key) => `${map}[${sqlString(key)}]`)
    .reduceRight((rest, value) => `if(${value} != '', ${value}, ${rest})`)
}

/** Words that vary from one occurrence to the next (numbers, hexadecimal ids, quoted text) become `#`. */
export function template(text: string): string {
  return `replaceRegexpAll(substring(${text}, 1, 200), '"[^"]*"|\\'[^\\']*\\'|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|[0-9a-fA-F]{12,}|[0-9]+', '#')`
}
