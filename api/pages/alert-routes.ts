import { z } from 'zod'
import { acknowledge } from '../../analytics/alerts/acknowledge.ts'
import { NOTICE_EVENTS } from '../../analytics/alerts/notice.ts'
import { listNotifications } from '../../analytics/alerts/outbox.ts'
import { receiversOf } from '../../analytics/alerts/receivers/receivers.ts'
import { permission } from '../../analytics/alerts/routing.ts'
import { createMute, endMute, listMutes } from '../../analytics/alerts/stored-mutes.ts'
import { newMuteSchema } from '../../schemas/contracts/mute.ts'
import type { Api, ApiContext } from '../context.ts'
import { readAlerts } from '../reads/alerts.ts'
import { nameSchema } from '../routes/operation-schema.ts'
import { alertsPage } from './alerts.ts'
import { formToken, sendHtml } from './html.ts'
import { previewPage } from './preview.ts'
import { sentPage } from './sent.ts'

const hidden = { hide: true } as const
const csrf = { _csrf: z.string().max(200).optional() }
const by = z.string().trim().min(1).max(100)

/** The pages about alerts, and their forms. */
export function alertPages(app: Api, context: ApiContext): void {
  const { store, clock, config } = context
  const receivers = receiversOf(config)
  const changed = () => {
    context.fresh.clear()
    context.onAlertChange()
  }
  app.get('/alerts', { schema: hidden }, async (_request, reply) => {
    const [alerts, mutes] = await Promise.all([
      readAlerts(context, {}, 200),
      context.fresh.get('mutes', () => listMutes(store, clock())),
    ])
    return sendHtml(
      reply,
      alertsPage({
        alerts,
        mutes,
        receivers: receivers.filter(({ events }) => events.has('firing')).map(({ name }) => name),
        permission: (alert, receiver) => permission(alert, receiver, config.alerts, clock()),
        token: formToken(reply),
      }),
    )
  })
  app.get('/alerts/sent', { schema: hidden }, async (_request, reply) =>
    sendHtml(
      reply,
      await context.fresh.get('page sent', async () => sentPage(await listNotifications(store, {}, 300))),
    ),
  )
  app.get(
    '/alerts/preview',
    {
      schema: {
        ...hidden,
        querystring: z.object({
          receiver: nameSchema.optional(),
          event: z.enum(NOTICE_EVENTS).default('firing'),
        }),
      },
    },
    async (request, reply) =>
      sendHtml(
        reply,
        previewPage({
          receivers,
          receiver: request.query.receiver,
          event: request.query.event,
          publicUrl: config.api.publicUrl.replace(/\/+$/, '') || `${request.protocol}://${request.host}`,
          now: clock(),
        }),
      ),
  )
  app.post(
    '/alerts/acknowledge',
    {
      schema: { ...hidden, body: z.object({ ...csrf, alert: nameSchema, by }) },
      preValidation: app.csrfProtection,
    },
    async (request, reply) => {
      const { alert, by: who } = request.body
      await acknowledge(store, alert, who, clock())
      changed()
      return reply.redirect(`/alerts#${encodeURIComponent(alert)}`, 303)
    },
  )
  app.post(
    '/alerts/mute',
    {
      schema: {
        ...hidden,
        body: z.object({
          ...csrf,
          alert: nameSchema,
          by,
          minutes: z.coerce.number().gt(0).max(10_080),
          reason: z.string().max(200).default(''),
        }),
      },
      preValidation: app.csrfProtection,
    },
    async (request, reply) => {
      const { alert, minutes, reason, by: who } = request.body
      await createMute(store, newMuteSchema.parse({ alertId: alert, minutes, reason, by: who }), clock())
      changed()
      return reply.redirect(`/alerts#${encodeURIComponent(alert)}`, 303)
    },
  )
  app.post(
    '/alerts/unmute',
    {
      schema: { ...hidden, body: z.object({ ...csrf, mute: nameSchema }) },
      preValidation: app.csrfProtection,
    },
    async (request, reply) => {
      await endMute(store, request.body.mute, clock())
      changed()
      return reply.redirect('/alerts', 303)
    },
  )
}
