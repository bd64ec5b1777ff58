import { z } from 'zod'
import { type SignalEntry, signalEntrySchema } from '../../schemas/contracts/signal-entry.ts'
import type { Signal } from '../../schemas/signals/signal.ts'
import type { Api, ApiContext } from '../context.ts'
import { problems } from './operation-schema.ts'

export function signalRoutes(app: Api, { catalogue }: ApiContext): void {
  const items = catalogue.signals.map(entryOf)
  app.get(
    '/signals',
    {
      schema: {
        operationId: 'listSignals',
        tags: ['signals'],
        summary: 'The catalogue: everything that is judged',
        response: { 200: z.object({ items: z.array(signalEntrySchema) }), ...problems() },
      },
    },
    async () => ({ items }),
  )
}

function entryOf(signal: Signal): SignalEntry {
  return {
    id: signal.id,
    title: signal.title,
    group: signal.group,
    unit: signal.unit,
    kind: signal.kind,
    measures: [...signal.measures],
    per: signal.per ?? null,
    dimension: signal.dimension ?? null,
    badDirection: signal.badDirection,
    smallestEffect: signal.smallestEffect,
    criticality: signal.criticality,
  }
}
