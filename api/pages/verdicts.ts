import { html } from 'ghtml'
import { episodeWords, wasWorse } from '../../analytics/jobs/episodes.ts'
import { comparedLevels, range } from '../../analytics/jobs/words.ts'
import type { Delta } from '../../schemas/contracts/delta.ts'
import type { Verdict } from '../../schemas/contracts/report.ts'
import { differenceWithUnit, factor, number, percent, prose, span, valueWithUnit } from './format.ts'

/** The signal's name and what of it, with the statistic that was compared. */
export function subject(verdict: Delta): string {
  const { of } = comparedLevels(verdict)
  const statistic = of === '' ? '' : html` <span class="muted">${of}</span>`
  if (verdict.dimension === '') return html`${verdict.title}!${statistic}`
  return html`${verdict.title} <code class="dimension" title="${verdict.dimensionTitle ?? ''}">${verdict.dimension}</code>!${statistic}`
}

/** The effect, as a factor where there is one, else as a difference. */
export function effect(verdict: Delta): string {
  if (verdict.effectRatio !== null) return factor(verdict.effectRatio)
  if (verdict.effectDifference === null) return '–'
  const sign = verdict.effectDifference > 0 ? '+' : ''
  return `${sign}${differenceWithUnit(verdict.effectDifference, verdict.unit)}`
}

export function interval(verdict: Delta): string {
  return range(verdict.interval, verdict.intervalOf, (bound) =>
    verdict.intervalOf === 'ratio' ? factor(bound) : differenceWithUnit(bound, verdict.unit),
  )
}

/** Rows of verdicts: before, after, effect and its interval. */
export function verdictTable(verdicts: readonly Delta[], caption: string, a: string, b: string): string {
  return html`<table class="stack verdicts">
<caption class="hidden">${caption}</caption>
<thead><tr><th scope="col">Signal</th><th scope="col" class="n">${a}</th><th scope="col" class="n">${b}</th><th scope="col" class="n">Change</th><th scope="col" class="n">!${confidence(verdicts)}</th></tr></thead>
<tbody>!${verdicts.map(
    (verdict) => html`<tr>
<th scope="row">!${subject(verdict)}</th>
<td class="n" data-label="${a}">${valueWithUnit(comparedLevels(verdict).before, verdict.unit)}</td>
<td class="n" data-label="${b}">${valueWithUnit(comparedLevels(verdict).after, verdict.unit)}</td>
<td class="n" data-label="Change">${effect(verdict)}</td>
<td class="n nowrap" data-label="Interval, ${percent(verdict.confidence)}">${interval(verdict)}</td>
</tr>`,
  )}</tbody></table>`
}

/** The column's name, with the level where all rows share it. */
function confidence(verdicts: readonly Delta[]): string {
  const levels = new Set(verdicts.map((verdict) => verdict.confidence))
  const [level] = levels
  return level === undefined || levels.size > 1 ? 'Interval' : html`${percent(level)} interval`
}

/** What could not be decided and what it would take. */
export function undecidedTable(verdicts: readonly Verdict[]): string {
  return html`<table class="stack verdicts">
<caption class="hidden">What could not be decided, and what it needs</caption>
<thead><tr><th scope="col">Signal</th><th scope="col" class="n">Change (interval)</th><th scope="col" class="n">Would have been seen</th><th scope="col" class="n">Needs about</th></tr></thead>
<tbody>!${verdicts.map(
    (verdict) => html`<tr>
<th scope="row">!${subject(verdict)}</th>
<td class="n" data-label="Change (interval)">${isMeasured(verdict) ? `${effect(verdict)} (${interval(verdict)})${passed(verdict)}` : prose(verdict.needs?.reason ?? verdict.summary)}</td>
<td class="n" data-label="Would have been seen">${verdict.needs?.detectableRatio == null ? '–' : `from ${factor(verdict.needs.detectableRatio)}`}</td>
<td class="n nowrap" data-label="Needs about">${verdict.needs?.moreMinutes == null ? '–' : `${span(verdict.needs.moreMinutes)} more`}</td>
</tr>`,
  )}</tbody></table>`
}

/** What is left out of the change beside it. */
function passed({ episode, badDirection }: Verdict): string {
  return episode != null && wasWorse(episode, badDirection) ? `; was ${prose(episodeWords(episode))}` : ''
}

function isMeasured({ effectRatio, effectDifference }: Delta): boolean {
  return effectRatio !== null || effectDifference !== null
}

const ROWS: Readonly<Record<Verdict['kind'], { readonly value: string; readonly count: string }>> = {
  rate: { value: 'Rate', count: 'Events' },
  ratio: { value: 'Share', count: 'Events' },
  distribution: { value: 'p95', count: 'Samples' },
  gauge: { value: 'Mean', count: 'Samples' },
}

/** What a rate is counted by, such as `Requests`. */
function divisor(unit: string): string {
  const per = unit.split('/')[1]?.replaceAll(/[{}]/g, '') ?? ''
  return per === 'min' ? 'Minutes' : per === '' ? 'Per' : `${per.charAt(0).toUpperCase()}${per.slice(1)}s`
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
  const { of, before, after } = comparedLevels(verdict)
  // The quantiles have rows of their own below.
  const values =
    of === 'mean'
      ? row('Mean (geometric)', [
          valueWithUnit(before, verdict.unit),
          valueWithUnit(after, verdict.unit),
          ...(withQuantiles ? [effect(verdict)] : []),
        ])
      : withQuantiles
        ? ''
        : row(ROWS[verdict.kind].value, [...sides.map((side) => valueWithUnit(side.value, verdict.unit))])
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Evidence of ${verdict.title}"><table class="evidence">
<thead><tr><td></td><th scope="col" class="n">${a}</th><th scope="col" class="n">${b}</th>!${withQuantiles ? '<th scope="col" class="n whole">Change</th>' : ''}</tr></thead>
<tbody>
!${values}
!${row(ROWS[verdict.kind].count, [...sides.map((side) => number(side.count)), ...pad])}
!${verdict.kind === 'ratio' ? row('Bad', [...sides.map((side) => number(side.bad)), ...pad]) : ''}
!${verdict.kind === 'rate' ? row(divisor(verdict.unit), [...sides.map((side) => number(side.exposure)), ...pad]) : ''}
!${row('Minutes with data', [...sides.map((side) => number(side.minutes)), ...pad])}
!${quantileRows}
</tbody></table></div>`
}
