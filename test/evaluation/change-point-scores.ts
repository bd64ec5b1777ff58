type Starts = readonly number[]

/**
 * Segmentation covering, averaged over annotators: for each segment of a person the best overlap (Jaccard index) with a segment of the method, weighted
 * by length. Source: van den Burg and Williams (2020), eq. 8.
 * @param annotations one list of starts a person
 * @param length values in the series
 * @returns 0 to 1
 */
export function covering(annotations: readonly Starts[], found: Starts, length: number): number {
  const predicted = segments(found, length)
  let sum = 0
  for (const annotation of annotations) {
    for (const [from, to] of segments(annotation, length)) {
      let best = 0
      for (const [start, end] of predicted) {
        const common = Math.max(0, Math.min(to, end) - Math.max(from, start))
        best = Math.max(best, common / (to - from + (end - start) - common))
      }
      sum += ((to - from) / length) * best
    }
  }
  return sum / annotations.length
}

/**
 * F1 with a margin: precision against all people's points together, recall averaged over people; a found point counts once, for the nearest; the start of
 * the series always counts as a change. Source: van den Burg and Williams (2020), eq. 9 to 11.
 */
export function f1(annotations: readonly Starts[], found: Starts, margin = 5): number {
  const points = unique([0, ...found])
  const people = annotations.map((annotation) => unique([0, ...annotation]))
  const precision = hits(unique(people.flat()), points, margin) / points.length
  const recall = people.reduce((sum, own) => sum + hits(own, points, margin) / own.length, 0) / people.length
  return (2 * precision * recall) / (precision + recall)
}

function hits(truth: Starts, found: Starts, margin: number): number {
  const left = new Set(found)
  let count = 0
  for (const point of truth) {
    let nearest: number | undefined
    for (const candidate of left) {
      const distance = Math.abs(candidate - point)
      if (distance <= margin && (nearest === undefined || distance < Math.abs(nearest - point)))
        nearest = candidate
    }
    if (nearest === undefined) continue
    left.delete(nearest)
    count++
  }
  return count
}

const unique = (values: Starts): number[] => [...new Set(values)].sort((a, b) => a - b)

function segments(starts: Starts, length: number): readonly (readonly [number, number])[] {
  const edges = unique([0, ...starts])
  return edges.map((from, at) => [from, edges[at + 1] ?? length])
}
