import { z } from 'zod'
import { createdKeySchema, type Key, keySchema, newKeySchema } from '../../schemas/contracts/key.ts'
import type { Api, ApiContext } from '../context.ts'
import { nameSchema, problems } from './operation-schema.ts'

export function keyRoutes(app: Api, { auth }: ApiContext): void {
  const config = { scope: 'admin' } as const
  app.post(
    '/keys',
    {
      config,
      schema: {
        operationId: 'createKey',
        tags: ['keys'],
        summary: 'Make a key; the answer is the only place where it is ever shown',
        body: newKeySchema,
        response: { 201: createdKeySchema, ...problems(400) },
      },
    },
    async (request, reply) => {
      const key = await auth.keys.create(request.body.name, request.body.scopes)
      request.log.info({ keyId: key.id, scopes: key.scopes, by: request.keyId }, 'A key was made')
      return await reply.code(201).header('cache-control', 'no-store').send(key)
    },
  )
  app.get(
    '/keys',
    {
      config,
      schema: {
        operationId: 'listKeys',
        tags: ['keys'],
        summary: 'Keys, revoked ones too; never their secrets',
        response: { 200: z.object({ items: z.array(keySchema) }), ...problems() },
      },
    },
    async () => ({ items: (await auth.keys.list()).map(withoutHash) }),
  )
  app.delete(
    '/keys/:id',
    {
      config,
      schema: {
        operationId: 'revokeKey',
        tags: ['keys'],
        summary: 'Revoke a key, at once and for good',
        params: z.object({ id: nameSchema }),
        response: { 200: keySchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const key = await auth.keys.revoke(request.params.id)
      request.log.info({ keyId: key.id, by: request.keyId }, 'A key was revoked')
      return key
    },
  )
}

function withoutHash({ id, name, scopes, createdAt, revokedAt }: Key): Key {
  return { id, name, scopes, createdAt, revokedAt }
}
