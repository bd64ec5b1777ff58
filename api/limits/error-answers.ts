import type { FastifyReply, FastifyRequest } from 'fastify'
import { PostflightError } from '../../schemas/errors.ts'
import type { Api } from '../context.ts'
import { errorPage } from '../pages/error.ts'
import { sendHtml } from '../pages/html.ts'
import { KnownRoutes } from './known-routes.ts'
import { PROBLEM_TYPE, problemOf } from './problem.ts'

/** Answers every error: problem details to programs, a page with the same words to browsers. */
export function answerErrors(app: Api): void {
  const known = new KnownRoutes()
  app.addHook('onRoute', (route) => known.add(route.url, route.method))

  app.setErrorHandler((error, request, reply) => answer(error, request, reply))

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/'
    const methods = known.methodsOf(path)
    if (methods.length > 0) {
      reply.header('allow', methods.join(', '))
      return answer(
        new PostflightError('METHOD_NOT_ALLOWED', `${request.method} is not a method of ${path}.`, {
          hint: `It takes ${methods.join(', ')}.`,
        }),
        request,
        reply,
      )
    }
    return answer(
      new PostflightError('NOT_FOUND', `There is nothing at ${path}.`, {
        hint: 'GET /api/openapi.json lists the routes; / is the first page.',
      }),
      request,
      reply,
    )
  })
}

function answer(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, { query: request.query, params: request.params, body: request.body })
  if (problem.status >= 500) request.log.error({ err: error, url: request.url }, 'A request failed')
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="postflight"')
  if (error instanceof PostflightError && typeof error.details['retryAfter'] === 'number') {
    reply.header('retry-after', String(error.details['retryAfter']))
  } else if (problem.retryable) reply.header('retry-after', '5')
  if (wantsPage(request)) {
    if (problem.status === 401) {
      return reply
        .header('cache-control', 'no-store')
        .redirect(`/login?to=${encodeURIComponent(request.method === 'GET' ? request.url : '/')}`, 303)
    }
    return sendHtml(reply.code(problem.status), errorPage(problem), 'no-store')
  }
  reply.header('cache-control', 'no-store')
  // As text: no route's schema describes it.
  return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem))
}

function wantsPage(request: FastifyRequest): boolean {
  if (request.url.startsWith('/api/v1')) return false
  return request.headers.accept?.includes('text/html') === true
}
