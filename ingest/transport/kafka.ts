import { toMessage } from '../kafka/message.ts'
import type { Outbox } from '../kafka/outbox.ts'
import type { Topics } from '../kafka/topics.ts'
import type { Unreadable } from '../protobuf/unreadable.ts'
import type { Acknowledgement, TelemetryRequest, Transport } from './transport.ts'

export interface KafkaTransportOptions {
  readonly outbox: Outbox
  readonly topics: Topics
}

/**
 * Acknowledged when Kafka has the request; consumers read it later, so what cannot be stored of it is not told to its sender
 * but kept as dead letters.
 */
export function createKafkaTransport({ outbox, topics }: KafkaTransportOptions): Transport {
  const deliver = (request: TelemetryRequest, refused?: Unreadable) =>
    outbox.send(topics.signals[request.signal], toMessage(request, refused))
  return {
    admit: (bytes) => outbox.admit(bytes),
    send: async (request): Promise<Acknowledgement> => {
      await deliver(request)
      return { accepted: undefined, rejected: 0, message: '' }
    },
    refuse: (request, reason) => deliver(request, reason),
    close: () => outbox.close(),
  }
}
