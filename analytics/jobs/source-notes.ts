import type { Catalogue } from '../../schemas/signals/catalogue.ts'
import { alternativesOf, countedInstead, requestsPerSpan } from '../queries/one-source.ts'
import type { CellSet } from '../queries/series-set.ts'

const REQUESTS = 'server.request'
/** Samples that differ by less are alike. */
const ALIKE = 1.5

/** By what requests are counted, where it is not by all of their spans. */
export function sourceNotes(
  catalogue: Catalogue,
  set: CellSet,
  versions: readonly (string | null)[],
): string[] {
  const alternatives = alternativesOf(catalogue, [REQUESTS])
  const known = [...new Set(versions)].filter((version) => version !== null)
  const by = known.map((version) => ({
    version,
    instead: countedInstead(set, alternatives, REQUESTS, version) !== undefined,
    ...requestsPerSpan(set, REQUESTS, alternatives, version),
  }))
  const notes: string[] = []
  const inFull = by.filter(({ byMetric, byWeight }) => byMetric > ALIKE * byWeight)
  if (inFull.length > 0) {
    const shares = inFull.map(({ version, byMetric }) => `${share(byMetric)} of the requests of ${version}`)
    notes.push(
      `Spans are there for ${shares.join(' and ')} only, by the metrics of their durations, and say nothing of how they were chosen (tail sampling keeps failures and slow requests): ${by.every(({ instead }) => instead) ? 'requests are counted by the metrics' : 'shares of failures and durations by spans may be wrong'}.`,
    )
  } else if (by.some(({ instead }) => instead)) {
    notes.push(
      by.every(({ instead }) => instead)
        ? 'Requests are counted by the metrics of their durations: spans of them are not there for every version.'
        : `Requests are counted ${by.map(({ version, instead }) => `of ${version} by ${instead ? 'the metrics of their durations' : 'spans'}`).join(', ')}: what changed may be how they are counted.`,
    )
  }
  const weighted = by.filter(({ byWeight, instead }) => byWeight > 1.01 && !instead)
  if (weighted.length > 0) {
    const rates = by.map(({ version, byWeight }) => `${share(byWeight)} of ${version}`).join(', ')
    const weights = by.map(({ byWeight }) => byWeight)
    const differ = Math.max(...weights) > ALIKE * Math.min(...weights)
    notes.push(
      `Spans are a sample (${rates}): requests a minute, and the requests that logs are compared with, are counted by the weights of their spans.${differ ? ' The sampling changed: other numbers of events by version are not comparable.' : ''}`,
    )
  }
  return notes
}

function share(requestsPerSpan: number): string {
  const percent = 100 / requestsPerSpan
  return `${percent >= 10 ? Math.round(percent) : percent.toPrecision(1)} %`
}
