import { html } from 'ghtml'
import { layout } from './layout.ts'

export interface LoginPage {
  readonly token: string
  /** Path to go on to; checked to be one of this server. */
  readonly to: string
  readonly failed: boolean
}

/** Asks for a key once; a cookie that scripts cannot read remembers it. */
export function loginPage({ token, to, failed }: LoginPage): string {
  return layout({
    title: 'Log in',
    main: html`<section class="message login">
<h1>Log in with a key</h1>
<p>This Postflight is open to the network, so it asks for a key with the scope <code>read</code>.</p>
<form method="post" action="/login">
<input type="hidden" name="_csrf" value="${token}">
<input type="hidden" name="to" value="${to}">
<label for="key">Key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required spellcheck="false" placeholder="pf_…" !${failed ? 'aria-invalid="true" aria-describedby="wrong"' : ''}>
!${failed ? html`<p id="wrong" class="wrong" role="alert">That key is unknown, revoked, or may not read.</p>` : ''}
<button type="submit">Log in</button>
</form>
<p class="fine">Make one where Postflight runs: <code>postflight keys create --name me --scopes read</code></p>
</section>`,
  })
}

/** A form, because leaving changes something. */
export function logoutPage(token: string): string {
  return layout({
    title: 'Log out',
    main: html`<section class="message login"><h1>Log out</h1>
<form method="post" action="/logout"><input type="hidden" name="_csrf" value="${token}"><button type="submit">Log out of this browser</button></form></section>`,
  })
}
