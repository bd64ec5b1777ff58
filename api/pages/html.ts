import type { FastifyReply } from 'fastify'
import { READERS_OWN } from './layout.ts'

/** Sends a page with what is its reader's own in it: pages are kept for all readers. */
export function sendHtml(
  reply: FastifyReply,
  text: string,
  caching: 'no-cache' | 'no-store' = 'no-cache',
): FastifyReply {
  const own = reply.request.keyId === null ? '' : '<a href="/logout">Log out</a>'
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', caching)
    .send(text.replace(READERS_OWN, own))
}

/** Against forms of other sites; null: the reader's key may only read, so that there are no forms. */
export function formToken(reply: FastifyReply): string | null {
  return reply.request.mayWrite ? reply.generateCsrf() : null
}
