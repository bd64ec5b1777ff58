import { html } from 'ghtml'
import type { Series, SeriesLine } from '../../schemas/contracts/series.ts'
import type { ServiceSignalTrend, ServiceTrends } from '../../schemas/contracts/service-trends.ts'
import type { Trend } from '../../schemas/contracts/trend.ts'
import { moment, valueWithUnit } from './format.ts'
import { wordBadge } from './words.ts'

/** Rows of the table beside a chart; the API has every step. */
const TABLE_ROWS = 24

/** Escaped so that no value can end the script element it stands in. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}

/** Before and after on a time axis, with the same as a table for who cannot see or run it. */
export function seriesChart(id: string, series: Series, version: string): string {
  if (series.times.length === 0) {
    return html`<p class="muted">No points around the deployment are kept any more.</p>`
  }
  const lines = series.lines.filter((line) => line.statistic !== 'p99')
  const label = `${series.title}${series.dimension === '' ? '' : ` of ${series.dimension}`} over time, from ${series.from} to ${series.to}, with the deployment of ${version} at ${series.deployedAt}. The table below has the numbers.`
  const data = {
    kind: 'series',
    unit: series.unit,
    from: Date.parse(series.from) / 1000,
    to: Date.parse(series.to) / 1000,
    marks: [{ at: Date.parse(series.deployedAt) / 1000, label: `${version} deployed` }],
    x: series.times,
    lines: lines.map((line) => ({
      label: lineName(line),
      role: line.role,
      dashed: line.statistic === 'p50',
      values: line.values,
    })),
  }
  const every = Math.max(1, Math.ceil(series.times.length / TABLE_ROWS))
  return html`<figure class="chart">
<ul class="legend" aria-hidden="true">!${lines.map(
    (line) =>
      html`<li><span class="key ${line.role} ${line.statistic === 'p50' ? 'dashed' : ''}"></span>${lineName(line)}</li>`,
  )}</ul>
<div class="plot" role="img" aria-label="${label}" data-chart="${id}"></div>
<p class="readout" aria-hidden="true"></p>
<script type="application/json" id="${id}">!${json(data)}</script>
<details><summary>Numbers of this chart</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Numbers of ${series.title}"><table>
<thead><tr><th scope="col">Time (UTC)</th>!${lines.map((line) => html`<th scope="col" class="n">${lineName(line)}</th>`)}</tr></thead>
<tbody>!${series.times.flatMap((time, index) =>
    index % every === 0
      ? [
          html`<tr><th scope="row">!${moment(new Date(time * 1000).toISOString())}</th>!${lines.map(
            (line) => html`<td class="n">${valueWithUnit(line.values[index] ?? null, series.unit)}</td>`,
          )}</tr>`,
        ]
      : [],
  )}</tbody>
</table></div></details>
</figure>`
}

function lineName(line: SeriesLine): string {
  return line.statistic === 'value' ? line.version : `${line.version} ${line.statistic}`
}

/** A signal release by release. */
export function trendChart(id: string, trend: Trend): string {
  const points = trend.points.filter((point) => point.value !== null)
  if (points.length === 0) return ''
  const data = {
    kind: 'trend',
    unit: trend.unit,
    names: points.map((point) => point.version),
    words: points.map((point) => point.word),
    x: points.map((_, index) => index),
    lines: [
      { label: trend.title, role: 'after', dashed: false, values: points.map((point) => point.value) },
      { label: 'low', role: 'band', dashed: false, values: points.map((point) => point.low) },
      { label: 'high', role: 'band', dashed: false, values: points.map((point) => point.high) },
    ],
  }
  return html`<figure class="chart trend">
<figcaption>${trend.title}</figcaption>
<div class="plot" role="img" aria-label="${trend.title} over ${points.length} releases. The table below has the numbers." data-chart="${id}"></div>
<p class="readout" aria-hidden="true"></p>
<script type="application/json" id="${id}">!${json(data)}</script>
<details><summary>Numbers of this chart</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Numbers of ${trend.title}"><table>
<thead><tr><th scope="col">Release</th><th scope="col" class="n">Before</th><th scope="col" class="n">After</th><th scope="col">Verdict</th></tr></thead>
<tbody>!${points.map(
    (point) =>
      html`<tr><th scope="row">${point.version}</th><td class="n">${valueWithUnit(point.before, trend.unit)}</td><td class="n">${valueWithUnit(point.value, trend.unit)}</td><td>!${wordBadge(point.word)}</td></tr>`,
  )}</tbody>
</table></div></details>
</figure>`
}

/**
 * A signal over a quarter with its changes: where they may have happened, shaded, and what they go with.
 * @param below HTML under the chart
 */
export function quarterChart(
  id: string,
  { from, to, times, stepSeconds }: ServiceTrends,
  trend: ServiceSignalTrend,
  below: string,
): string {
  const seconds = (time: string): number => Date.parse(time) / 1000
  const name = ({ cause, established }: ServiceSignalTrend['changes'][number]): string => {
    if (!established) return 'possible'
    if (cause.kind === 'release')
      return cause.versions.length > 1 ? `${cause.versions[0]} …` : (cause.versions[0] ?? '')
    return cause.kind
  }
  const data = {
    kind: 'series',
    unit: trend.unit,
    from: seconds(from),
    to: seconds(to),
    marks: trend.changes.map((change) => ({ at: seconds(change.at), label: name(change) })),
    spans: trend.changes.map(({ earliest, latest }) => ({
      from: seconds(earliest),
      to: seconds(latest) + stepSeconds,
    })),
    x: times.map(seconds),
    lines: [{ label: trend.title, role: 'after', dashed: false, values: trend.values }],
  }
  return html`<figure class="chart">
<figcaption>${trend.title}</figcaption>
<div class="plot" role="img" aria-label="${trend.title} from ${from} to ${to} with ${trend.changes.length} changes, which the list below names." data-chart="${id}"></div>
<p class="readout" aria-hidden="true"></p>
<script type="application/json" id="${id}">!${json(data)}</script>
!${below}
</figure>`
}
