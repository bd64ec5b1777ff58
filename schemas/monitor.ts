import { z } from 'zod'

/** Environment variables and flags are text. */
const flag = z.union([z.boolean(), z.stringbool()])

/** Settings of the monitor. */
export const monitorSchema = z.strictObject({
  /** False: nothing is watched, and incidents come from the reports alone, minutes later. */
  enabled: flag.default(true),
  /** Seconds between two looks at all deployments that are watched. */
  intervalSeconds: z.coerce.number().min(1).max(300).default(10),
  /** Minutes for which a deployment is watched, and minutes at which its standing is noted. */
  watchMinutes: z.coerce.number().int().min(5).max(10_080).default(1440),
  steps: z.array(z.coerce.number().min(1)).default([5, 30, 120, 1440]),
  /** Share of deployments that changed nothing and may be paged for all the same, over the whole watch and however often one looks. */
  falsePages: z.coerce.number().gt(0).lt(0.5).default(0.001),
  /** Minutes for which nothing may be worse before an incident ends; each further end of the same takes twice as long. */
  calmMinutes: z.coerce.number().min(1).default(10),
  /** Minutes without any telemetry of a service that had some each minute, after which that is an incident of its own. */
  silentMinutes: z.coerce.number().min(2).default(10),
  /** What such silence is worth. */
  silence: z.enum(['ignore', 'note', 'ticket', 'page']).default('ticket'),
  /** True: incidents are kept and counted, and nobody is told, so that a team can see first what it would have been told. */
  shadow: flag.default(false),
  /** By service: what it is worth (`low` never pages, `critical` pages for what is only a ticket elsewhere), and its own watch. */
  services: z
    .record(
      z.string(),
      z.strictObject({
        criticality: z.enum(['critical', 'normal', 'low']).default('normal'),
        watchMinutes: z.coerce.number().int().min(5).max(10_080).optional(),
        steps: z.array(z.coerce.number().min(1)).optional(),
        shadow: flag.optional(),
      }),
    )
    .default({}),
})
