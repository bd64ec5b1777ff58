import { PostflightError } from '../../schemas/errors.ts'

/**
 * `checkout@2.7.0` into service and version: at the last @, since npm-like service names begin with one and versions seldom have one.
 * @throws PostflightError INVALID_REQUEST
 */
export function parseRelease(text: string): { readonly service: string; readonly version: string } {
  const at = text.lastIndexOf('@')
  if (at > 0 && at < text.length - 1) return { service: text.slice(0, at), version: text.slice(at + 1) }
  throw new PostflightError('INVALID_REQUEST', `"${text}" is not a release.`, {
    hint: 'Write service@version, such as checkout@2.7.0.',
  })
}
