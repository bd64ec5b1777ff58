import { html } from 'ghtml'
import type { Signal } from '../../schemas/signals/signal.ts'
import { differenceWithUnit, number } from './format.ts'
import { layout } from './layout.ts'

/** The catalogue: what is judged, and from which effect on. */
export function signalsPage(signals: readonly Signal[]): string {
  return layout({
    title: 'Signals',
    active: 'signals',
    main: html`<div class="title"><h1>Signals</h1><p class="lead">Everything that is compared after a release, and the smallest change that matters.</p></div>
<table class="stack services">
<caption class="hidden">The catalogue of signals</caption>
<thead><tr><th scope="col">Signal</th><th scope="col">Id</th><th scope="col">Kind</th><th scope="col">Broken down by</th><th scope="col">Bad when</th><th scope="col">Criticality</th><th scope="col" class="n">Smallest effect</th></tr></thead>
<tbody>!${signals.map(
      (signal) => html`<tr>
<th scope="row">${signal.title}</th>
<td data-label="Id" class="nowrap"><code>${signal.id}</code></td>
<td data-label="Kind">${signal.kind}</td>
<td data-label="Broken down by">${signal.dimension ?? '–'}</td>
<td data-label="Bad when">${signal.badDirection === 'both' ? 'it changes' : `it goes ${signal.badDirection}`}</td>
<td data-label="Criticality">${signal.criticality}</td>
<td data-label="Smallest effect" class="n">${number((signal.smallestEffect.ratio - 1) * 100)} %${signal.smallestEffect.absolute === 0 ? '' : ` and ${differenceWithUnit(signal.smallestEffect.absolute, signal.unit)}`}</td>
</tr>`,
    )}</tbody></table>`,
  })
}
