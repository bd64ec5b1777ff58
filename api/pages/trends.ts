import { html } from 'ghtml'
import {
  causeWords,
  changeWords,
  creepWords,
  hasNews,
  largestReleases,
  slopeWords,
} from '../../analytics/jobs/trend-words.ts'
import type { ServiceSignalTrend, ServiceTrends } from '../../schemas/contracts/service-trends.ts'
import { quarterChart } from './chart.ts'
import { prose } from './format.ts'

/** Charts that a page draws; the table has every signal. */
const MOST_CHARTS = 6

/** How a service went over the quarter: change points, slopes, and what its releases add up to. */
export function trendsSection(trends: ServiceTrends): string {
  if (trends.signals.length === 0) {
    return html`<section aria-labelledby="quarter"><h2 id="quarter">Over the quarter</h2><p class="muted">Too little telemetry yet: 14 steps of three hours are needed.</p></section>`
  }
  const charted = trends.signals.filter(
    (trend) => trend.changes.length > 0 || trend.creep?.crept === true || trend.possible !== null,
  )
  return html`<section aria-labelledby="quarter"><h2 id="quarter">Over the quarter</h2>
<p class="fine">${day(trends.from)} to ${day(trends.to)}, one value ${trends.stepSeconds === 86_400 ? 'a day' : 'in three hours'}, ${trends.releases.length} releases. Dashed: a change, with the span in which it may have happened (95 %). Releases: the sum of what they did by their own comparisons.</p>
!${
    charted.length === 0
      ? ''
      : html`<div class="grid">!${charted
          .slice(0, MOST_CHARTS)
          .map((trend, index) => quarterChart(`quarter-${index}`, trends, trend, changeList(trend)))}</div>`
  }
<table class="stack services">
<caption class="hidden">Trend of each signal and the sum of its releases' effects, those with most to say first</caption>
<thead><tr><th scope="col">Signal</th><th scope="col">Trend</th><th scope="col">Changes</th><th scope="col">Releases add up to</th></tr></thead>
<tbody>!${trends.signals.map(
    (trend) => html`<tr>
<th scope="row">${trend.title}</th>
<td data-label="Trend">${slopeWords(trend)}</td>
<td data-label="Changes">${trend.changes.length === 0 ? (hasNews(trend) && trend.possible !== null ? 'perhaps at the end' : 'none') : String(trend.changes.length)}</td>
<td data-label="Releases add up to"><span>!${trend.creep?.crept === true ? html`<strong>creeps</strong> ` : ''}${creepWords(trend)}!${trend.creep?.crept === true ? html`<br><span class="muted">most from ${largestReleases(trend, 3)}</span>` : ''}</span></td>
</tr>`,
  )}</tbody></table>
</section>`
}

function changeList(trend: ServiceSignalTrend): string {
  const items = trend.changes.map(
    (change) =>
      html`<li>${day(change.at)}!${change.earliest === change.latest ? '' : html` <span class="muted">(${day(change.earliest)} to ${day(change.latest)})</span>`}: ${changeWords(change, trend.unit)}, ${prose(causeWords(change))}</li>`,
  )
  if (trend.possible !== null) {
    items.push(html`<li>Since ${day(trend.possible.at)} apart from before, too short to tell.</li>`)
  }
  return items.length === 0 ? '' : html`<ul class="fine">!${items}</ul>`
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

function day(time: string): string {
  return DAY.format(new Date(time))
}
