import { html } from 'ghtml'
import type { DimensionRest } from '../../schemas/contracts/dimension-rest.ts'
import type { HistoryRest } from '../../schemas/contracts/history-rest.ts'
import { INSTANCES } from '../../schemas/signals/bounded-instance.ts'
import { OTHER } from '../../schemas/signals/other.ts'
import { number, percent } from './format.ts'

/** What of a service is counted in the whole only or left out, since there is too much of it; nothing where there is no such thing. */
export function restsSection(rests: readonly DimensionRest[], history: readonly HistoryRest[]): string {
  if (rests.length === 0 && history.length === 0) return ''
  const lately = rests.map((rest) => ({ ...rest, when: `last ${rest.minutes} minutes` }))
  const before = history.map((rest) => ({
    ...rest,
    full: false,
    when: rest.days === 1 ? rest.from : `${rest.days} days, ${rest.from} to ${rest.to}`,
  }))
  const all = [...lately, ...before]
  return html`<section aria-labelledby="rests"><h2 id="rests">Too many to be told apart</h2>
<table class="stack services">
<caption class="hidden">Measures with more values of their dimension, or more streams, than are kept, and versions with more instances</caption>
<thead><tr><th scope="col">Measure</th><th scope="col">Of</th><th scope="col">When</th><th scope="col" class="n">Kept</th><th scope="col" class="n">Others</th><th scope="col" class="n">Their records</th><th scope="col" class="n">Share</th></tr></thead>
<tbody>!${all.map(
    (rest) => html`<tr>
<th scope="row">${rest.measure === INSTANCES ? `${rest.version} in ${rest.environment}` : rest.measure}</th>
<td data-label="Of">${rest.measure === INSTANCES ? 'instances' : rest.streams ? 'streams' : 'values'}</td>
<td data-label="When">${rest.when}</td>
<td data-label="Kept" class="n">${number(rest.kept)}${rest.full ? ' (full)' : ''}</td>
<td data-label="Others" class="n">${number(rest.values)}</td>
<td data-label="Their records" class="n">${number(rest.records)}</td>
<td data-label="Share" class="n">${percent(rest.of === 0 ? null : rest.records / rest.of)}</td>
</tr>`,
  )}</tbody></table>
!${all.some(({ measure, streams }) => !streams && measure !== INSTANCES) ? html`<p class="fine">Other values are one series, ${OTHER}: ids in a route, a statement or a message are the usual reason.</p>` : ''}
!${all.some(({ measure }) => measure === INSTANCES) ? html`<p class="fine">Other instances are counted as one, ${OTHER}; a gauge of it is their mean. An id that each request or start makes anew (service.instance.id) is the usual reason.</p>` : ''}
!${all.some(({ streams }) => streams) ? html`<p class="fine">Of streams (combinations of a metric's attributes) a random sample is kept, and what the others counted is left out: ids in a metric's attributes are the usual reason.</p>` : ''}
!${before.length === 0 ? '' : html`<p class="fine">Days: what postflight backfill counted, and of the day with most of them.</p>`}</section>`
}
