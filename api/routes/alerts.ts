import { z } from 'zod'
import { acknowledge } from '../../analytics/alerts/acknowledge.ts'
import { listNotifications } from '../../analytics/alerts/outbox.ts'
import { createMute, endMute, listMutes } from '../../analytics/alerts/stored-mutes.ts'
import { ALERT_STATUSES, alertSchema } from '../../schemas/contracts/alert.ts'
import { limitSchema } from '../../schemas/contracts/list.ts'
import { muteSchema, newMuteSchema } from '../../schemas/contracts/mute.ts'
import { NOTIFICATION_STATES, notificationSchema } from '../../schemas/contracts/notification.ts'
import type { Api, ApiContext } from '../context.ts'
import { readAlerts } from '../reads/alerts.ts'
import { nameSchema, problems } from './operation-schema.ts'

export function alertRoutes(app: Api, context: ApiContext): void {
  const changed = () => {
    context.fresh.clear()
    context.onAlertChange()
  }
  app.get(
    '/alerts',
    {
      schema: {
        operationId: 'listAlerts',
        tags: ['alerts'],
        summary: 'Alerts, newest first',
        querystring: z.strictObject({
          status: z.enum(ALERT_STATUSES).optional(),
          service: nameSchema.optional(),
          environment: nameSchema.optional(),
          limit: limitSchema,
        }),
        response: { 200: z.object({ items: z.array(alertSchema) }), ...problems(400) },
      },
    },
    async (request) => {
      const { limit, ...filter } = request.query
      return { items: [...(await readAlerts(context, filter, limit))] }
    },
  )
  app.post(
    '/alerts/:id/acknowledge',
    {
      schema: {
        operationId: 'acknowledgeAlert',
        tags: ['alerts'],
        summary: 'Say that somebody has taken an alert',
        description: 'Receivers that know acknowledgement (PagerDuty, webhooks, chat, mail) are told.',
        params: z.object({ id: nameSchema }),
        body: z.strictObject({ by: z.string().trim().min(1).max(100) }),
        response: { 200: alertSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const alert = await acknowledge(context.store, request.params.id, request.body.by, context.clock())
      changed()
      return alert
    },
  )
  app.get(
    '/notifications',
    {
      schema: {
        operationId: 'listNotifications',
        tags: ['alerts'],
        summary: 'What was sent to whom, with its answer, newest first',
        querystring: z.strictObject({
          alert: nameSchema.optional(),
          receiver: nameSchema.optional(),
          service: nameSchema.optional(),
          state: z.enum(NOTIFICATION_STATES).optional(),
          limit: limitSchema,
        }),
        response: { 200: z.object({ items: z.array(notificationSchema) }), ...problems(400) },
      },
    },
    async (request) => {
      const { alert, limit, ...filter } = request.query
      const subjects = alert === undefined ? [] : [alert]
      return { items: [...(await listNotifications(context.store, { ...filter, subjects }, limit))] }
    },
  )
  app.get(
    '/mutes',
    {
      schema: {
        operationId: 'listMutes',
        tags: ['alerts'],
        summary: 'Mutes and planned maintenance that have not ended',
        response: { 200: z.object({ items: z.array(muteSchema) }), ...problems() },
      },
    },
    async () => ({ items: [...(await listMutes(context.store, context.clock()))] }),
  )
  app.post(
    '/mutes',
    {
      schema: {
        operationId: 'createMute',
        tags: ['alerts'],
        summary: 'Be silent about an alert, a service or an environment for a while',
        description:
          'It ends by itself. What still fires then is told. With `startsAt` in the future it is a planned maintenance.',
        body: newMuteSchema,
        response: { 201: muteSchema, ...problems(400) },
      },
    },
    async (request, reply) => {
      const mute = await createMute(context.store, request.body, context.clock())
      request.log.info({ mute, by: request.keyId }, 'A mute was made')
      changed()
      return await reply.code(201).send(mute)
    },
  )
  app.delete(
    '/mutes/:id',
    {
      schema: {
        operationId: 'endMute',
        tags: ['alerts'],
        summary: 'End a mute now',
        params: z.object({ id: nameSchema }),
        response: { 200: muteSchema, ...problems(400, 404) },
      },
    },
    async (request) => {
      const mute = await endMute(context.store, request.params.id, context.clock())
      changed()
      return mute
    },
  )
}
