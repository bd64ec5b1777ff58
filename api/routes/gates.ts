import { z } from 'zod'
import { listShadowEvents, tallyShadow } from '../../analytics/gate/shadow-events.ts'
import { listGates } from '../../analytics/gate/stored-gates.ts'
import {
  GATE_DECISIONS,
  type Gate,
  gateSchema,
  newGateSchema,
  shadowEventSchema,
  shadowTallySchema,
} from '../../schemas/contracts/gate.ts'
import { instant } from '../../schemas/contracts/instant.ts'
import { limitSchema } from '../../schemas/contracts/list.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { Api, ApiContext } from '../context.ts'
import { nameSchema, problems } from './operation-schema.ts'

const DAY = 86_400_000

/** Gates for pipelines, and what canary controllers ask in their own formats. */
export function gateRoutes(app: Api, context: ApiContext): void {
  const { gates, store } = context
  app.post(
    '/gates',
    {
      schema: {
        operationId: 'openGate',
        tags: ['gates'],
        summary: 'Open a gate for a release',
        description:
          'Answers with the decision as of now: `pass`, `hold` (ask again: `GET /gates/{id}`) or `fail`. A release that is not known yet is waited for.',
        body: newGateSchema,
        response: { 201: gateSchema, ...problems(400) },
      },
    },
    async (request, reply) => {
      const gate = await gates.open(request.body)
      reply.header('location', `/api/v1/gates/${gate.id}`)
      return await reply.code(201).send(gate)
    },
  )
  app.get(
    '/gates',
    {
      schema: {
        operationId: 'listGates',
        tags: ['gates'],
        summary: 'Gates, newest first',
        querystring: z.strictObject({
          service: nameSchema.optional(),
          environment: nameSchema.optional(),
          version: nameSchema.optional(),
          decision: z.enum(GATE_DECISIONS).optional(),
          limit: limitSchema,
        }),
        response: { 200: z.object({ items: z.array(gateSchema) }), ...problems(400) },
      },
    },
    async (request) => {
      const { limit, ...filter } = request.query
      return { items: (await listGates(store, filter, limit)).map(({ gate }) => gate) }
    },
  )
  app.get(
    '/gates/:id',
    {
      schema: {
        operationId: 'getGate',
        tags: ['gates'],
        summary: 'A gate as of now',
        params: z.object({ id: nameSchema }),
        response: { 200: gateSchema, ...problems(400, 404) },
      },
    },
    async (request) => await gates.read(request.params.id),
  )
  app.get(
    '/shadow',
    {
      schema: {
        operationId: 'getShadow',
        tags: ['gates'],
        summary: 'What would have been blocked or paged',
        description: 'A tally of all that is on trial, each deployment counted once, and the newest cases.',
        querystring: z.strictObject({
          service: nameSchema.optional(),
          environment: nameSchema.optional(),
          from: instant.optional().meta({ description: 'Default: 30 days ago' }),
          limit: limitSchema,
        }),
        response: {
          200: z.object({ tally: z.array(shadowTallySchema), items: z.array(shadowEventSchema) }),
          ...problems(400),
        },
      },
    },
    async (request) => {
      const { from, limit, ...rest } = request.query
      const filter = { ...rest, from: from === undefined ? context.clock() - 30 * DAY : Date.parse(from) }
      const [tally, items] = await Promise.all([
        tallyShadow(store, filter),
        listShadowEvents(store, filter, limit),
      ])
      return { tally, items }
    },
  )
  argoRollouts(app, context)
  flagger(app, context)
}

/**
 * The web metric provider of Argo Rollouts: any JSON, of which `jsonPath` takes a part. A measurement is successful, failed or, if neither
 * condition holds, inconclusive.
 */
function argoRollouts(app: Api, { gates }: ApiContext): void {
  app.get(
    '/gates/argo-rollouts',
    {
      schema: {
        operationId: 'measureForArgoRollouts',
        tags: ['gates'],
        summary: 'A measurement for the web metric provider of Argo Rollouts',
        description:
          'With `jsonPath: "{$.data}"`: successCondition `result.decision == "pass"`, failureCondition `result.decision == "fail"`; a hold is neither, so inconclusive.',
        querystring: z.strictObject({
          service: nameSchema,
          environment: nameSchema.default('default'),
          version: nameSchema,
          since: instant.optional(),
        }),
        response: {
          200: z.object({
            data: z.object({
              decision: z.enum(GATE_DECISIONS),
              step: gateSchema.shape.step,
              outcome: gateSchema.shape.outcome,
              /** 1 pass, 0 hold, -1 fail. */
              value: z.number(),
              reason: z.string(),
              minutesToKnow: z.number().nullable(),
              link: z.string(),
            }),
          }),
          ...problems(400),
        },
      },
    },
    async (request) => {
      const gate = await gates.evaluate(request.query)
      return {
        data: {
          decision: gate.decision,
          step: gate.step,
          outcome: gate.outcome,
          value: { pass: 1, hold: 0, fail: -1 }[gate.decision],
          reason: gate.reasons[0] ?? '',
          minutesToKnow: gate.known?.minutes ?? null,
          // Without api.publicUrl: by the address that was asked.
          link: gate.link.startsWith('/') ? `${request.protocol}://${request.host}${gate.link}` : gate.link,
        },
      }
    },
  )
}

const FLAGGER_HOOKS = [
  'confirm-rollout',
  'pre-rollout',
  'rollout',
  'confirm-traffic-increase',
  'confirm-promotion',
  'rollback',
] as const

/** What each hook's 200 means to Flagger: go on, or, for `rollback`, go back. */
const SAYS_YES: Readonly<
  Record<(typeof FLAGGER_HOOKS)[number], (gate: Pick<Gate, 'decision' | 'step'>) => boolean>
> = {
  // Before there is traffic, nothing can speak against it but what is known already.
  'confirm-rollout': (gate) => gate.decision !== 'fail',
  'pre-rollout': (gate) => gate.decision !== 'fail',
  // A failed check counts towards the rollback: not knowing yet is none.
  rollout: (gate) => gate.decision !== 'fail',
  'confirm-traffic-increase': (gate) => gate.decision !== 'fail',
  'confirm-promotion': (gate) => gate.decision === 'pass',
  rollback: (gate) => gate.step === 'roll_back',
}

/** Flagger's webhooks: it posts name, namespace, phase and metadata, and goes by the status; the body goes into its log and events. */
function flagger(app: Api, { gates, auth }: ApiContext): void {
  app.post(
    '/gates/flagger/:hook',
    {
      // Flagger sends no headers of its own: where keys are needed, `metadata.key` has it.
      config: { scope: 'open' },
      schema: {
        operationId: 'answerFlagger',
        tags: ['gates'],
        summary: "Answer one of Flagger's webhooks",
        description:
          '200: yes; 409: no, or not yet. `metadata` may have service (default: the name), environment (default: the namespace), version (default: the newest that was deployed) and key.',
        params: z.object({ hook: z.enum(FLAGGER_HOOKS) }),
        body: z.object({
          name: nameSchema,
          namespace: nameSchema,
          phase: z.string().max(100).optional(),
          checksum: z.string().max(200).optional(),
          metadata: z.record(z.string(), z.string()).default({}),
        }),
        response: {
          200: z.object({ decision: z.enum(GATE_DECISIONS), reason: z.string() }),
          409: z.object({ decision: z.enum(GATE_DECISIONS), reason: z.string() }),
          ...problems(400),
        },
      },
    },
    async (request, reply) => {
      const { name, namespace, metadata } = request.body
      if (auth.required && request.keyId === null) {
        const answer = await auth.authenticate(
          { host: request.headers.host, authorization: `Bearer ${metadata['key'] ?? ''}` },
          'read',
        )
        if (answer.kind !== 'ok') {
          throw new PostflightError('UNAUTHENTICATED', answer.reason, {
            hint: "Put a key with the scope read into the webhook's metadata: key: pf_...",
          })
        }
      }
      const service = metadata['service'] ?? name
      const environment = metadata['environment'] ?? namespace
      const version = metadata['version'] ?? (await gates.newestVersion(service, environment))
      if (version === undefined) {
        return await reply
          .code(SAYS_YES[request.params.hook]({ decision: 'hold', step: 'hold' }) ? 200 : 409)
          .send({ decision: 'hold', reason: `No deployment of ${service} in ${environment} is known.` })
      }
      const gate = await gates.evaluate({ service, environment, version })
      const yes = SAYS_YES[request.params.hook](gate)
      return await reply
        .code(yes ? 200 : 409)
        .send({ decision: gate.decision, reason: gate.reasons[0] ?? gate.outcome })
    },
  )
}
