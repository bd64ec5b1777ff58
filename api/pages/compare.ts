import { html } from 'ghtml'
import type { Comparison } from '../../schemas/contracts/delta.ts'
import type { Release } from '../../schemas/contracts/release.ts'
import type { Service } from '../../schemas/contracts/service.ts'
import { moment } from './format.ts'
import { layout } from './layout.ts'
import { verdictTable } from './verdicts.ts'

export interface ComparePage {
  readonly services: readonly Service[]
  readonly service: string | undefined
  readonly environment: string | undefined
  readonly releases: readonly Release[]
  readonly a: string | undefined
  readonly b: string | undefined
  readonly comparison: Comparison | undefined
  /** Why there is none although both were named. */
  readonly problem: { readonly detail: string; readonly hint: string } | undefined
}

/** Any two releases of a service beside each other. */
export function comparePage(page: ComparePage): string {
  const option = (value: string, chosen: string | undefined) =>
    html`<option value="${value}" !${value === chosen ? 'selected' : ''}>${value}</option>`
  const versions = page.releases.map((release) => release.version)
  const service = page.services.find((candidate) => candidate.service === page.service)
  return layout({
    title: page.comparison === undefined ? 'Compare' : `${page.a} against ${page.b}`,
    active: 'compare',
    main: html`<h1>Compare two releases</h1>
<form class="pick" action="/compare" method="get">
<label>Service <select name="service">!${page.services.map((of) => option(of.service, page.service))}</select></label>
!${
      service === undefined
        ? ''
        : html`<label>Environment <select name="environment">!${service.environments.map((of) => option(of.environment, page.environment))}</select></label>
<label>From <select name="a">!${versions.map((version) => option(version, page.a))}</select></label>
<label>To <select name="b">!${versions.map((version) => option(version, page.b))}</select></label>`
    }
<button type="submit">${service === undefined ? 'Choose' : 'Compare'}</button>
</form>
!${page.problem === undefined ? '' : html`<section class="message"><p class="lead">${page.problem.detail}</p><p class="hint">${page.problem.hint}</p></section>`}
!${page.comparison === undefined ? '' : result(page.comparison)}`,
  })
}

const GROUPS = [
  ['regressed', 'Worse'],
  ['improved', 'Better'],
  ['unchanged', 'Unchanged'],
  ['inconclusive', 'Not decided'],
] as const

function result(comparison: Comparison): string {
  const { a, b, deltas } = comparison
  const of = (word: (typeof GROUPS)[number][0]) => deltas.filter((delta) => delta.word === word)
  const worse = of('regressed').length
  const better = of('improved').length
  const open = of('inconclusive').length
  const doubt = comparison.comparability?.find(({ doubtful }) => doubtful)
  const state = worse > 0 ? 'regressed' : doubt === undefined && open === 0 ? 'healthy' : 'inconclusive'
  const [left, right] = a.version === b.version ? ['a', 'b'] : [a.version, b.version]
  return html`<section class="verdict ${state}" aria-label="In short">
<p class="headline">Against <span class="version">${a.version}</span>, <span class="version">${b.version}</span> is worse in ${worse} and better in ${better} of ${deltas.length} signals; ${open} could not be decided.${doubt === undefined ? '' : ' But the two may not be comparable: see below.'}</p>
<p class="muted">${comparison.environment} · !${
    comparison.design === 'side_by_side'
      ? html`side by side, in the same minutes: !${span(b.window)}`
      : html`at different times · ${a.version}: !${span(a.window)} · ${b.version}: !${span(b.window)}`
  }</p>
</section>
!${comparison.notes.length === 0 ? '' : html`<ul class="notes">!${comparison.notes.map((note) => html`<li>${note}</li>`)}</ul>`}
!${GROUPS.map(([word, title]) => {
    const rows = of(word)
    if (rows.length === 0) return ''
    const table = verdictTable(rows, title, left ?? '', right ?? '')
    const loud = word === 'regressed' || word === 'improved'
    return html`<section aria-labelledby="${word}"><h2 id="${word}">${title}</h2>!${
      loud
        ? table
        : html`<details><summary>${rows.length} signal${rows.length === 1 ? '' : 's'}</summary>!${table}</details>`
    }</section>`
  })}`
}

function span({ from, to }: Comparison['a']['window']): string {
  return html`!${moment(from)} to !${moment(to)}`
}
