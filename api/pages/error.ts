import { html } from 'ghtml'
import type { Problem } from '../../schemas/contracts/problem.ts'
import { layout } from './layout.ts'

/** An error in words, with what to do about it. */
export function errorPage(problem: Problem): string {
  return layout({
    title: problem.title,
    main: html`<section class="message">
<p class="eyebrow">${problem.status} · ${problem.code}</p>
<h1>${problem.title}</h1>
<p class="lead">${problem.detail}</p>
!${problem.hint === '' ? '' : html`<p class="hint"><strong>What to do:</strong> ${problem.hint}</p>`}
!${
      problem.errors === undefined
        ? ''
        : html`<ul>!${problem.errors.map((error) => html`<li><code>${error.field}</code>: ${error.expected}, got ${error.got}</li>`)}</ul>`
    }
<p><a href="/">All services</a></p>
</section>`,
  })
}
