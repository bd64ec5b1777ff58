import { z } from 'zod'
import { instant } from './instant.ts'

const text = z.string().trim().max(200)

/** What `POST /api/v1/mutes` takes: whom to be silent about, and for how long. An empty field is everything. */
export const newMuteSchema = z
  .strictObject({
    alertId: text.default(''),
    service: text.default(''),
    environment: text.default(''),
    /** Default: now. Later: a planned maintenance. */
    startsAt: instant.optional(),
    /** A mute always ends by itself: by a moment or by minutes from its start. */
    endsAt: instant.optional(),
    minutes: z
      .number()
      .gt(0)
      .max(90 * 1440)
      .optional(),
    reason: text.default(''),
    by: text.default(''),
  })
  .refine((mute) => (mute.endsAt === undefined) !== (mute.minutes === undefined), {
    path: ['endsAt'],
    message: 'expected either endsAt or minutes',
  })
export type NewMute = z.infer<typeof newMuteSchema>

export const muteSchema = z.object({
  id: z.string(),
  alertId: z.string(),
  service: z.string(),
  environment: z.string(),
  startsAt: instant,
  endsAt: instant,
  reason: z.string(),
  by: z.string(),
  createdAt: instant,
})
export type Mute = z.infer<typeof muteSchema>
