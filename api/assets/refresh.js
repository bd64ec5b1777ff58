// Renews a page that is not final, every so many seconds and when its stream of events says so, where it stands: position, focus and opened details stay as they are.
;(() => {
  const { seconds, events } = document.currentScript.dataset

  // What somebody is writing must not be taken from under the hands, nor while they are at the form's button.
  const isWriting = () => {
    const fields = 'input:not([type="hidden"]), select, textarea'
    const at = document.activeElement
    return at !== null && (at.matches(fields) || at.closest('form')?.querySelector(fields) != null)
  }

  async function renew() {
    if (document.hidden || isWriting()) return
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } })
    if (!answer.ok) return
    if (answer.redirected) {
      location.reload()
      return
    }
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const main = document.getElementById('main')
    const fresh = next.getElementById('main')
    if (fresh === null || main.dataset.source === fresh.innerHTML || isWriting()) return
    const open = new Set([...main.querySelectorAll('details')].flatMap((d, i) => (d.open ? [i] : [])))
    const focus = [...main.querySelectorAll('a, button, summary, [tabindex]')].indexOf(document.activeElement)
    const source = fresh.innerHTML
    main.replaceChildren(...fresh.childNodes)
    main.dataset.source = source
    for (const [i, details] of [...main.querySelectorAll('details')].entries()) {
      if (open.has(i)) details.open = true
    }
    if (focus >= 0)
      main.querySelectorAll('a, button, summary, [tabindex]')[focus]?.focus({ preventScroll: true })
    document.dispatchEvent(new Event('postflight:renewed'))
  }

  // The next turn tries again.
  const turn = () => renew().catch(() => {})
  setInterval(turn, Number(seconds) * 1000)
  // The browser opens the stream again by itself; the turns go on meanwhile.
  if (events !== '') new EventSource(events).addEventListener('watch', turn)
})()
