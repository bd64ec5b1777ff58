/** Steps of a dotted name that are read; names of the semantic conventions and labels of Kubernetes have no more. */
const DEPTH = 6

/**
 * Map SQL of a JSON column: the engine keeps `service.name` as a path, so paths become names again. Texts as they are, everything else as JSON,
 * as the Collector's exporter writes attributes into its maps.
 */
export function jsonAsMap(column: string): string {
  let pairs = `JSONExtractKeysAndValuesRaw(toJSONString(${column}))`
  for (let depth = 1; depth < DEPTH; depth++) {
    pairs = `arrayFlatten(arrayMap(pair -> if(startsWith(pair.2, '{') AND pair.2 != '{}', arrayMap(inner -> (concat(pair.1, '.', inner.1), inner.2), JSONExtractKeysAndValuesRaw(pair.2)), [pair]), ${pairs}))`
  }
  const value = `if(startsWith(pair.2, '"'), JSONExtractString(pair.2), pair.2)`
  return `CAST(arraySort(arrayMap(pair -> (pair.1, ${value}), ${pairs})), 'Map(LowCardinality(String), String)')`
}
