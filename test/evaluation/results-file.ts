/**
 * Puts a part's section into the text of results.md: in place of the one it had, else before the first section of a later letter, else before the
 * first one without a letter.
 * @param heading without `## `, e.g. `A. False alarms on real series`
 */
export function withSection(text: string, heading: string, body: string): string {
  const [head = '', ...sections] = text.split(/^## /m)
  const letter = letterOf(heading) ?? ''
  const section = `${heading}\n\n${body.trim()}\n\n`
  const own = sections.findIndex((other) => letterOf(other) === letter)
  if (own >= 0) sections[own] = section
  else {
    const later = sections.findIndex((other) => (letterOf(other) ?? '~') > letter)
    sections.splice(later < 0 ? sections.length : later, 0, section)
  }
  return `${[head, ...sections].join('## ').trimEnd()}\n`
}

function letterOf(section: string): string | undefined {
  return /^([A-Z])\. /.exec(section)?.[1]
}
