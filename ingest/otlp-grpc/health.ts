import type { ServerUnaryCall, ServerWritableStream, ServiceDefinition, sendUnaryData } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import { Wire } from '../protobuf/wire.ts'
import { bytes } from './methods.ts'

const SERVING = 1
const NOT_SERVING = 2
const SERVICE_UNKNOWN = 3
/** Milliseconds between two looks for those who watch. */
const LOOK_EVERY = 5_000

/** grpc.health.v1 (gRPC's health checking protocol). */
export const HEALTH_SERVICE = {
  Check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    ...bytes,
  },
  Watch: {
    path: '/grpc.health.v1.Health/Watch',
    requestStream: false,
    responseStream: true,
    ...bytes,
  },
} satisfies ServiceDefinition

/**
 * @param services names that are known besides '', which stands for all
 * @param ready whether requests are taken now
 */
export function healthHandlers(services: readonly string[], ready: () => Promise<boolean>) {
  const stateOf = async (service: string): Promise<number> => {
    if (service !== '' && !services.includes(service)) return SERVICE_UNKNOWN
    return (await ready().catch(() => false)) ? SERVING : NOT_SERVING
  }
  return {
    Check: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      void asked(call.request)
        .then(stateOf)
        .then(
          (state) =>
            state === SERVICE_UNKNOWN
              ? answer({ code: status.NOT_FOUND, details: `Known services: ${services.join(', ')}` })
              : answer(null, response(state)),
          (error: Error) => answer({ code: status.INVALID_ARGUMENT, details: error.message }),
        )
    },
    Watch: (call: ServerWritableStream<Buffer, Buffer>) => {
      let told: number | undefined
      const look = async () => {
        const state = await stateOf(await asked(call.request))
        if (call.cancelled || state === told) return
        told = state
        call.write(response(state))
      }
      const fail = (error: Error) =>
        call.destroy(Object.assign(error, { code: status.INVALID_ARGUMENT, details: error.message }))
      const timer = setInterval(() => void look().catch(fail), LOOK_EVERY)
      timer.unref()
      call.on('cancelled', () => clearInterval(timer))
      call.on('close', () => clearInterval(timer))
      void look().catch(fail)
    },
  }
}

/** HealthCheckRequest.service. */
async function asked(request: Buffer): Promise<string> {
  const wire = new Wire(request)
  let service = ''
  while (wire.pos < wire.end) {
    const tag = wire.tag()
    if (tag === 0x0a) {
      const end = wire.limit()
      service = request.toString('utf8', wire.pos, end)
      wire.pos = end
    } else wire.skip(tag)
  }
  return service
}

/** HealthCheckResponse.status. */
function response(state: number): Buffer {
  return Buffer.from([0x08, state])
}
