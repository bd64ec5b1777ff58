import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** GitHub's X-Hub-Signature-256: `sha256=` and the HMAC-SHA256 of the body as it came. Takes as long whatever differs. */
export function signatureMatches(secret: string, body: Buffer, header: unknown): boolean {
  return sameText(
    typeof header === 'string' ? header : '',
    `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  )
}

/** A token as it was sent and as it should be. */
export function tokenMatches(token: string, header: unknown): boolean {
  return sameText(typeof header === 'string' ? header : '', token)
}

/** Digests have one length: comparing them tells nothing of the texts, not even how long they are. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
