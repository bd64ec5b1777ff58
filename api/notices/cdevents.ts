import { z } from 'zod'
import { canaryShareSchema } from '../../schemas/canary-share.ts'
import type { NoticeSettings } from '../../schemas/notices.ts'
import { declaredShare, mapTold, placeOf } from './map-told.ts'
import { moment, name, readPayload } from './read-payload.ts'
import { ignored, type Notice } from './told.ts'

const TYPE = /^dev\.cdevents\.(\w+)\.(\w+)(?:\.\d+\.\d+\.\d+.*)?$/
const DEPLOYED: ReadonlySet<string> = new Set(['deployed', 'upgraded', 'rolledback', 'published'])

/** Of `service.deployed`, `.upgraded`, `.rolledback`, `.removed` and `.published`, what is read here. */
const schema = z.looseObject({
  context: z.looseObject({ id: name, source: z.string().max(2000), type: name, timestamp: moment }),
  subject: z.looseObject({
    id: z.string().min(1).max(500),
    content: z.looseObject({
      environment: z.looseObject({ id: name, name: name.optional() }),
      /** A package URL (purl). */
      artifactId: z.string().max(1000).optional(),
    }),
  }),
  /** Anything: of an object these may say what nothing else says. */
  customData: z.preprocess(
    (value) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}),
    z.looseObject({
      service: name.optional().catch(undefined),
      version: name.optional().catch(undefined),
      canaryShare: canaryShareSchema.optional(),
    }),
  ),
})

/** @param payload the CDEvent: the data of the CloudEvent */
export function readCdevent(payload: unknown, settings: NoticeSettings): Notice {
  const type = z.looseObject({ context: z.looseObject({ type: z.string() }) }).safeParse(payload)
  if (type.success) {
    const [, subject, predicate = ''] = TYPE.exec(type.data.context.type) ?? []
    if (
      subject !== undefined &&
      (subject !== 'service' || !(DEPLOYED.has(predicate) || predicate === 'removed'))
    )
      return ignored(`${type.data.context.type} is not about a service that was deployed.`)
  }
  const { context, subject, customData } = readPayload(schema, payload, 'cdevents')
  const { environment, artifactId } = subject.content
  const purl = artifactId === undefined ? undefined : parsePurl(artifactId)
  const told = {
    from: subject.id,
    environment: environment.name ?? environment.id,
    service: customData.service ?? null,
  }
  if (/\.removed/.test(context.type)) {
    const place = placeOf(told, settings)
    if (typeof place === 'string') return ignored(place)
    const from = place.services.map((service) => ({ service, environment: place.environment }))
    return { kind: 'removal', from, at: context.timestamp }
  }
  return mapTold(
    {
      ...told,
      kind: 'cdevents',
      version: customData.version ?? purl?.version ?? null,
      ref: null,
      commit: null,
      images: [],
      id: context.id,
      deployment: null,
      at: context.timestamp,
      startedAt: null,
      finishedAt: context.timestamp,
      status: 'succeeded',
      isRollback: /\.rolledback/.test(context.type),
      link: null,
      attributes: {
        ...(artifactId === undefined ? {} : { artifact: artifactId }),
        event: context.type,
        ...declaredShare(customData.canaryShare),
      },
    },
    settings,
  )
}

/** `pkg:type/namespace/name@version?qualifiers#subpath`: the tag of an image says more than its digest. */
function parsePurl(text: string): { readonly version: string | undefined } {
  const [main = '', query = ''] = (text.split('#')[0] ?? '').split('?')
  const at = main.lastIndexOf('@')
  const version = at < 0 ? undefined : decode(main.slice(at + 1))
  return { version: new URLSearchParams(query).get('tag') || version || undefined }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
