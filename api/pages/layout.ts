import { html } from 'ghtml'

export interface Page {
  readonly title: string
  /** HTML that is safe already. */
  readonly main: string
  readonly active?: 'services' | 'compare' | 'alerts' | 'signals'
  readonly charts?: boolean
  /** Seconds after which the page renews itself. */
  readonly refreshSeconds?: number
  /** Address of server-sent events that say when there is something new. */
  readonly events?: string
}

/** Stands in the frame for what is of one reader alone, until the page is sent. */
export const READERS_OWN = '<!-- the reader -->'

/** The frame of every page. */
export function layout(page: Page): string {
  const link = (href: string, name: string, key: Page['active']) =>
    html`<a href="${href}" !${page.active === key ? 'aria-current="page"' : ''}>${name}</a>`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title} · Postflight</title>
<link rel="icon" href="/assets/postflight.svg" type="image/svg+xml">
!${page.charts === true ? '<link rel="stylesheet" href="/assets/uPlot.min.css">' : ''}
<link rel="stylesheet" href="/assets/postflight.css">
!${page.charts === true ? '<script src="/assets/uPlot.iife.min.js" defer></script><script src="/assets/chart.js" defer></script>' : ''}
!${page.refreshSeconds === undefined ? '' : html`<noscript><meta http-equiv="refresh" content="${page.refreshSeconds}"></noscript><script src="/assets/refresh.js" data-seconds="${page.refreshSeconds}" data-events="${page.events ?? ''}" defer></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/"><svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><path d="M2 17 L9 15 L14 5 L16 5 L14.5 14 L20 12.5 L22 9.5 L23 9.5 L22.2 14 L4 19 Z" fill="currentColor"/></svg> Postflight</a>
<nav aria-label="Main">
!${link('/', 'Services', 'services')}
!${link('/compare', 'Compare', 'compare')}
!${link('/alerts', 'Alerts', 'alerts')}
!${link('/signals', 'Signals', 'signals')}
<a href="/api/docs/">API</a>
!${READERS_OWN}
</nav>
</header>
<main id="main" tabindex="-1">
!${page.main}
</main>
<footer>Postflight · did this release make things worse?</footer>
</body>
</html>
`
}
