import { html } from 'ghtml'
import type { OwnFalseAlarms } from '../../schemas/contracts/own-false-alarms.ts'
import { factor, number, percent } from './format.ts'

/** How far a service's verdicts can be trusted: its own false alarms where nothing was released, and what it can see. */
export function ownFalseAlarmsSection(of: OwnFalseAlarms): string {
  const head = html`<h2 id="calibration">How far its verdicts can be trusted</h2>`
  if (of.comparisons === 0) {
    return html`<section aria-labelledby="calibration">!${head}<p class="muted">No moment without a release is known yet: they are made as time passes.</p></section>`
  }
  const at = (rates: OwnFalseAlarms['all'], nominal: number) => rates.find((rate) => rate.nominal === nominal)
  const shown = (rates: OwnFalseAlarms['all'], nominal: number) => {
    const rate = at(rates, nominal)
    return rate === undefined ? '–' : `${percent(rate.share)} (up to ${percent(rate.upper95)})`
  }
  return html`<section aria-labelledby="calibration">!${head}
<p>At ${number(of.moments)} moments of the last six weeks nothing was released. Of ${number(of.comparisons)} comparisons made there as in a report, ${shown(of.all, 0.01)} would have alarmed at 1 %, and ${shown(of.all, 0.05)} at 5 %. What is not compared with a forecast is calibrated, each half of the moments by the other; limits are 95 %, moments being the units.</p>
<details><summary>By signal, with the smallest change that a usual watch window sees</summary><table class="stack services">
<caption class="hidden">False alarms of each signal without releases</caption>
<thead><tr><th scope="col">Signal</th><th scope="col" class="n">Comparisons</th><th scope="col" class="n">Alarms at 1 %</th><th scope="col" class="n">Alarms at 5 %</th><th scope="col" class="n">Sees</th></tr></thead>
<tbody>!${of.signals.map(
    (row) => html`<tr>
<th scope="row">${row.title}</th>
<td data-label="Comparisons" class="n">${number(row.comparisons)}</td>
<td data-label="Alarms at 1 %" class="n">${shown(row.rates, 0.01)}</td>
<td data-label="Alarms at 5 %" class="n">${shown(row.rates, 0.05)}</td>
<td data-label="Sees" class="n">${row.smallestSeen === null ? '–' : factor(row.smallestSeen)}</td>
</tr>`,
  )}</tbody></table></details>
</section>`
}
