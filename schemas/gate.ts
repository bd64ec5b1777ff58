import { z } from 'zod'

/** What a state means to a gate: it fails; it passes with a warning; it passes, and what would have been blocked is kept and counted. */
export const MEANINGS = ['block', 'warn', 'shadow'] as const
export type Meaning = (typeof MEANINGS)[number]

/** States that need a meaning: all but healthy. `watching`: the time to wait was over before anything was decided. */
export const POLICY_STATES = [
  'regressed',
  'rolledBack',
  'inconclusive',
  'superseded',
  'noData',
  'watching',
] as const
export type PolicyState = (typeof POLICY_STATES)[number]

const meaning = z.enum(MEANINGS)

/** A policy that leaves states out: those keep the meaning that they had. */
export const partialPolicySchema = z.strictObject({
  regressed: meaning.optional(),
  rolledBack: meaning.optional(),
  inconclusive: meaning.optional(),
  superseded: meaning.optional(),
  noData: meaning.optional(),
  watching: meaning.optional(),
})
export type PartialPolicy = z.infer<typeof partialPolicySchema>
export type Policy = Readonly<Record<PolicyState, Meaning>>

const patterns = z.array(z.string().min(1).max(200)).min(1)
/** Whom a rule is for; `*` stands for any characters. */
const scope = { services: patterns.default(['*']), environments: patterns.default(['*']) }

/** Settings of gates. */
export const gateSchema = z.strictObject({
  /** Minutes that a gate waits for a decision if the caller does not say. */
  waitMinutes: z.coerce.number().min(0).max(1440).default(30),
  /** A deployment that started longer before the gate was opened (minutes) is not the one that it is asked about. */
  sinceMinutes: z.coerce.number().min(1).default(1440),
  /** Passes before the watch window ends, once the critical signals are shown to be sound over at least these minutes; 0: never. */
  earlyMinutes: z.coerce.number().min(0).default(10),
  /** What each state means. */
  policy: z
    .strictObject({
      regressed: meaning.default('block'),
      rolledBack: meaning.default('block'),
      inconclusive: meaning.default('block'),
      superseded: meaning.default('block'),
      noData: meaning.default('block'),
      watching: meaning.default('block'),
    })
    .prefault({}),
  /** Other meanings for some services or environments; later rules win. */
  rules: z
    .array(
      z.strictObject({
        ...scope,
        policy: partialPolicySchema.default({}),
        waitMinutes: z.coerce.number().min(0).max(1440).optional(),
      }),
    )
    .default([]),
})
export type GateSettings = z.infer<typeof gateSchema>

/** Signals on trial: what they would have blocked or paged is kept and counted, and nothing else. */
export const shadowSchema = z
  .array(
    z.strictObject({
      ...scope,
      /** Ids of signals, such as `memory.*`. */
      signals: patterns,
      /** Where they are on trial. */
      from: z
        .array(z.enum(['gate', 'page']))
        .min(1)
        .default(['gate', 'page']),
    }),
  )
  .default([])
export type ShadowSettings = z.infer<typeof shadowSchema>
