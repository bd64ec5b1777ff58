import { matchesAny } from '../../analytics/gate/pattern.ts'
import type { DeploymentNews } from '../../analytics/releases/merge-news.ts'
import { CANARY_SHARE } from '../../schemas/canary-share.ts'
import { PostflightError } from '../../schemas/errors.ts'
import type { NoticeSettings } from '../../schemas/notices.ts'
import { ignored, type Notice, type Told } from './told.ts'

type Rule = NoticeSettings['rules'][number]

export interface Place {
  readonly services: readonly string[]
  readonly environment: string
  readonly version: Rule['version']
}

/** Which services in which environment a sender means, by the settings; a reason where it is let go. */
export function placeOf(
  told: Pick<Told, 'from' | 'environment' | 'service'>,
  settings: NoticeSettings,
): Place | string {
  if (matchesAny(settings.ignoredEnvironments, told.environment))
    return `The environment ${told.environment} is let go: notices.ignoredEnvironments.`
  const rule = settings.rules.find(
    ({ from, environments }) => matchesAny(from, told.from) && matchesAny(environments, told.environment),
  )
  const environment =
    (rule?.environment ?? '') || (settings.environments[told.environment] ?? told.environment)
  const services =
    told.service !== null ? [told.service] : (rule?.services ?? [defaultService(told, environment)])
  return { services, environment, version: rule?.version ?? 'auto' }
}

/**
 * From a sender's names to ours, by the settings: which services, in which environment, and what of it is the version.
 * @throws PostflightError INVALID_REQUEST if nothing in it can be a version
 */
export function mapTold(told: Told, settings: NoticeSettings): Notice {
  const place = placeOf(told, settings)
  if (typeof place === 'string') return ignored(place)
  const { services, environment } = place
  const news = services.map((service): DeploymentNews => {
    const version = versionOf(told, service, place.version)
    if (version === undefined) {
      throw new PostflightError(
        'INVALID_REQUEST',
        `Nothing in the notice says which version of ${service} it is.`,
        {
          hint: 'Name it: version in the payload of the deployment, a tag, the label app.kubernetes.io/version, or the tag of an image.',
          details: {
            errors: [{ field: 'body', expected: `a version (${place.version})`, got: 'none' }],
          },
        },
      )
    }
    return {
      service,
      environment,
      version,
      finishedAt: told.finishedAt,
      attributes: {
        ...told.attributes,
        ...(told.commit === null ? {} : { commit: told.commit }),
      },
      isRollback: told.isRollback,
      source: {
        kind: told.kind,
        id: told.id,
        deployment: told.deployment,
        at: told.at,
        startedAt: told.startedAt,
        status: told.status,
        version,
        link: told.link,
      },
    }
  })
  return { kind: 'news', news }
}

/** The attribute that declares a canary's share, where the sender told of one. */
export function declaredShare(share: string | undefined): Readonly<Record<string, string>> {
  return share === undefined ? {} : { [CANARY_SHARE]: share }
}

/** The last part of the name, without an environment at its end: `acme/checkout`, `checkout-production`. */
function defaultService(told: Pick<Told, 'from' | 'environment'>, environment: string): string {
  const name = lastPart(told.from)
  const end = [told.environment, environment].find((text) => text !== '' && name.endsWith(`-${text}`))
  return end === undefined ? name : name.slice(0, -end.length - 1)
}

function lastPart(text: string): string {
  return text.split('/').findLast((part) => part !== '') ?? text
}

function versionOf(told: Told, service: string, from: Rule['version']): string | undefined {
  const ref = told.ref?.replace(/^refs\/(tags|heads)\//, '') ?? undefined
  const commit = told.commit ?? undefined
  const image = imageTag(told.images, service)
  switch (from) {
    case 'ref':
      return ref
    case 'commit':
      return commit
    case 'short_commit':
      return commit?.slice(0, 7)
    case 'image':
      return image
    case 'auto':
      // A branch is no version: the next deployment of it has the same name.
      return (
        told.version ?? (ref !== undefined && isTag(told.ref ?? '', ref) ? ref : undefined) ?? image ?? commit
      )
  }
}

function isTag(ref: string, name: string): boolean {
  return ref.startsWith('refs/tags/') || /^v?\d+\.\d+/.test(name)
}

/** The tag of the service's image, or of the only one. */
function imageTag(images: readonly string[], service: string): string | undefined {
  const parsed = images.map(parseImage)
  const own = parsed.find(({ name }) => name === service) ?? (parsed.length === 1 ? parsed[0] : undefined)
  return own?.tag
}

function parseImage(image: string): { readonly name: string; readonly tag: string | undefined } {
  const [path = ''] = image.split('@')
  const last = path.split('/').at(-1) ?? ''
  const [name = '', tag] = last.split(':')
  return { name, tag }
}
