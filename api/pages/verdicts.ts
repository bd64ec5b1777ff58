import { html } from 'ghtml'
import type { Delta } from '../../schemas/contracts/delta.ts'
import type { Verdict } from '../../schemas/contracts/report.ts'
import { factor, number, percent, prose, span, valueWithUnit } from './format.ts'

/** The signal's name and what of it. */
export function subject(verdict: Pick<Verdict, 'title' | 'dimension' | 'dimensionTitle'>): string {
  if (verdict.dimension === '') return html`${verdict.title}`
  return html`${verdict.title} <code class="dimension" title="${verdict.dimensionTitle ?? ''}">${verdict.dimension}</code>`
}

/** The effect, as a factor where there is one, else as a difference. */
export function effect(verdict: Delta): string {
  if (verdict.effectRatio !== null) return factor(verdict.effectRatio)
  if (verdict.effectDifference === null) return '–'
  const sign = verdict.effectDifference > 0 ? '+' : ''
  return `${sign}${valueWithUnit(verdict.effectDifference, verdict.unit)}`
}

export function interval(verdict: Delta): string {
  const [low, high] = verdict.interval
  const show = (edge: number) =>
    verdict.intervalOf === 'ratio' ? factor(edge) : valueWithUnit(edge, verdict.unit)
  if (low === null) return high === null ? '–' : `at most ${show(high)}`
  return high === null ? `at least ${show(low)}` : `${show(low)} to ${show(high)}`
}

/** Rows of verdicts: before, after, effect and its interval. */
export function verdictTable(verdicts: readonly Delta[], caption: string, a: string, b: string): string {
  return html`<table class="stack verdicts">
<caption class="hidden">${caption}</caption>
<thead><tr><th scope="col">Signal</th><th scope="col" class="n">${a}</th><th scope="col" class="n">${b}</th><th scope="col" class="n">Change</th><th scope="col" class="n">Interval</th></tr></thead>
<tbody>!${verdicts.map(
    (verdict) => html`<tr>
<th scope="row">!${subject(verdict)}</th>
<td class="n" data-label="${a}">${valueWithUnit(verdict.before.value, verdict.unit)}</td>
<td class="n" data-label="${b}">${valueWithUnit(verdict.after.value, verdict.unit)}</td>
<td class="n" data-label="Change">${effect(verdict)}</td>
<td class="n nowrap" data-label="Interval, ${percent(verdict.confidence)}">${interval(verdict)}</td>
</tr>`,
  )}</tbody></table>`
}

/** What could not be decided and what it would take. */
export function undecidedTable(verdicts: readonly Verdict[]): string {
  return html`<table class="stack verdicts">
<caption class="hidden">What could not be decided, and what it needs</caption>
<thead><tr><th scope="col">Signal</th><th scope="col">Why not</th><th scope="col" class="n">Would have been seen</th><th scope="col" class="n">Needs about</th></tr></thead>
<tbody>!${verdicts.map(
    (verdict) => html`<tr>
<th scope="row">!${subject(verdict)}</th>
<td data-label="Why not">${prose(verdict.needs?.reason ?? verdict.summary)}</td>
<td class="n" data-label="Would have been seen">${verdict.needs?.detectableRatio == null ? '–' : `from ${factor(verdict.needs.detectableRatio)}`}</td>
<td class="n nowrap" data-label="Needs about">${verdict.needs?.moreMinutes == null ? '–' : `${span(verdict.needs.moreMinutes)} more`}</td>
</tr>`,
  )}</tbody></table>`
}

const EVENTS: Readonly<Record<Verdict['kind'], string>> = {
  rate: 'Events',
  ratio: 'Events',
  distribution: 'Samples',
  gauge: 'Samples',
}

/** Both sides in full. */
export function evidenceTable(verdict: Verdict, a: string, b: string): string {
  const sides = [verdict.before, verdict.after]
  const row = (name: string, cells: readonly string[]) =>
    html`<tr><th scope="row">${name}</th>!${cells.map((cell) => html`<td class="n">${cell}</td>`)}</tr>`
  const quantileRows = verdict.quantiles.map(
    (quantile) =>
      html`<tr><th scope="row">p${number(quantile.quantile * 100)}</th><td class="n">${valueWithUnit(quantile.before, verdict.unit)}</td><td class="n">${valueWithUnit(quantile.after, verdict.unit)}</td><td class="n">${factor(quantile.ratio)}</td></tr>`,
  )
  const withQuantiles = quantileRows.length > 0
  const pad = withQuantiles ? [''] : []
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Evidence of ${verdict.title}"><table class="evidence">
<thead><tr><td></td><th scope="col" class="n">${a}</th><th scope="col" class="n">${b}</th>!${withQuantiles ? '<th scope="col" class="n">Change</th>' : ''}</tr></thead>
<tbody>
!${row('Value', [...sides.map((side) => valueWithUnit(side.value, verdict.unit)), ...pad])}
!${row(EVENTS[verdict.kind], [...sides.map((side) => number(side.count)), ...pad])}
!${verdict.kind === 'ratio' ? row('Bad', [...sides.map((side) => number(side.bad)), ...pad]) : ''}
!${verdict.kind === 'rate' ? row('Per', [...sides.map((side) => number(side.exposure)), ...pad]) : ''}
!${row('Minutes', [...sides.map((side) => number(side.minutes)), ...pad])}
!${quantileRows}
</tbody></table></div>`
}
