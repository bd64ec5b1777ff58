import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { getDeployment } from '../../analytics/releases/stored-deployments.ts'
import { liveWatchSchema } from '../../schemas/contracts/live-watch.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Api, ApiContext } from '../context.ts'
import { readLiveWatch, readWatchTick } from '../reads/live-watch.ts'
import { nameSchema, problems } from './operation-schema.ts'

/** Milliseconds between two looks of a stream, and after which it says that it is alive. */
const LOOK = 2_000
const ALIVE = 15_000
/** Readers at once: each is a connection that stays open. */
const MOST_READERS = 200

/** Watches as they run. */
export function watchRoutes(app: Api, context: ApiContext): void {
  const params = z.object({ id: nameSchema })
  const readers = new Set<AbortController>()
  // Streams never end by themselves: without this the server would wait for them.
  app.addHook('preClose', async () => {
    for (const reader of readers) reader.abort()
  })

  app.get(
    '/deployments/:id/watch',
    {
      schema: {
        operationId: 'getWatch',
        tags: ['reports'],
        summary:
          'The watch of a deployment: what is decided, what is not and when it will be, what happened and who was told',
        params,
        response: { 200: liveWatchSchema, ...problems(400, 404) },
      },
    },
    async (request) => await readLiveWatch(context, request.params.id),
  )
  app.get(
    '/deployments/:id/watch/stream',
    {
      schema: {
        operationId: 'streamWatch',
        tags: ['reports'],
        summary: 'Server-sent events, one for each look that found something to say',
        description:
          'Event `watch` with `{state, headline, at}`; a comment every 15 seconds. GET /deployments/{id}/watch has the rest.',
        params,
        response: {
          200: { description: 'Events', content: { 'text/event-stream': { schema: z.string() } } },
          ...problems(400, 404),
        },
      },
    },
    async (request, reply) => {
      const { id } = await getDeployment(context.store, request.params.id)
      if (readers.size >= MOST_READERS) {
        throw new PostflightError('OVERLOADED', `${MOST_READERS} watches are being read at once.`, {
          hint: 'Close some pages, or ask GET /deployments/{id}/watch now and then.',
        })
      }
      const reader = new AbortController()
      readers.add(reader)
      request.raw.once('close', () => reader.abort())
      const stream = Readable.from(events(context, id, reader.signal))
      stream.once('close', () => {
        reader.abort()
        readers.delete(reader)
      })
      reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no')
      return await reply.type('text/event-stream; charset=utf-8').send(stream as never)
    },
  )
}

/** Ends when nobody reads any more. A look that fails is left out: the next may succeed. */
async function* events(context: ApiContext, id: string, signal: AbortSignal): AsyncGenerator<string> {
  let last = ''
  let said = context.clock()
  yield 'retry: 5000\n\n'
  while (!signal.aborted) {
    const tick = await readWatchTick(context, id).catch(() => null)
    const text = JSON.stringify(tick)
    if (tick !== null && text !== last) {
      last = text
      said = context.clock()
      yield `event: watch\nid: ${tick.at}\ndata: ${text}\n\n`
    } else if (context.clock() - said >= ALIVE) {
      said = context.clock()
      yield ': alive\n\n'
    }
    await sleep(LOOK, undefined, { signal }).catch(() => {})
  }
}
