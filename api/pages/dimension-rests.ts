import { html } from 'ghtml'
import type { DimensionRest } from '../../schemas/contracts/dimension-rest.ts'
import { OTHER } from '../../schemas/signals/bounded-dimension.ts'
import { number, percent } from './format.ts'

/** What of a service is counted in the whole only, since its values are too many; nothing where there is no such thing. */
export function dimensionRestsSection(rests: readonly DimensionRest[]): string {
  if (rests.length === 0) return ''
  return html`<section aria-labelledby="rests"><h2 id="rests">Too many values to be told apart</h2>
<table class="stack services">
<caption class="hidden">Measures whose dimension has more values than are kept</caption>
<thead><tr><th scope="col">Measure</th><th scope="col" class="n">Values kept</th><th scope="col" class="n">Others</th><th scope="col" class="n">Their records</th><th scope="col" class="n">Share</th></tr></thead>
<tbody>!${rests.map(
    (rest) => html`<tr>
<th scope="row">${rest.measure}</th>
<td data-label="Values kept" class="n">${number(rest.kept)}${rest.full ? ' (full)' : ''}</td>
<td data-label="Others" class="n">${number(rest.values)}</td>
<td data-label="Their records" class="n">${number(rest.records)}</td>
<td data-label="Share" class="n">${percent(rest.of === 0 ? null : rest.records / rest.of)}</td>
</tr>`,
  )}</tbody></table>
<p class="fine">In the last !${rests[0]?.minutes ?? 0} minutes. The others are one series, ${OTHER}: ids in a route, a statement or a message are the usual reason.</p></section>`
}
