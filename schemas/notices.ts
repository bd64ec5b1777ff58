import { z } from 'zod'
import { secretShape } from './secret.ts'

const name = z.string().min(1).max(200)
const patterns = z.array(name).min(1)

/** What of a notice becomes the version. `auto`: what it says in so many words, else a tag, else the image's tag, else the commit. */
export const VERSION_FROM = ['auto', 'ref', 'commit', 'short_commit', 'image'] as const

/** Settings of deployments that other systems tell of. */
export const noticesSchema = z.strictObject({
  /** The webhook's secret: X-Hub-Signature-256. Without one, a key with the scope write is needed. */
  github: z.strictObject(secretShape('secret')).prefault({}),
  /** The webhook's secret token: X-Gitlab-Token. Without one, a key with the scope write is needed. */
  gitlab: z.strictObject(secretShape('token')).prefault({}),
  /** What is deployed from where; the first that fits. None: the service is called like the repository or application. */
  rules: z
    .array(
      z.strictObject({
        /** `owner/repository`, an application of Argo CD, or the subject of a CDEvent; `*` stands for any characters. */
        from: patterns,
        /** Environments, as they are told. */
        environments: patterns.default(['*']),
        /** Several, if one repository deploys them together. */
        services: patterns,
        /** deployment.environment.name; empty: as told. */
        environment: z.string().max(200).default(''),
        version: z.enum(VERSION_FROM).default('auto'),
      }),
    )
    .default([]),
  /** Environments as they are told, and as telemetry names them: `{ prod: production }`. */
  environments: z.record(z.string(), name).default({}),
  /** Environments, as they are told, that are let go, such as `preview/*`. */
  ignoredEnvironments: z.array(name).default([]),
})
export type NoticeSettings = z.infer<typeof noticesSchema>
