import type { Command } from 'commander'
import { PostflightError } from '../../schemas/errors.ts'

/** The argument that names a release, with a way for versions that have an @ themselves. */
export function withRelease(command: Command, description = 'the release, such as checkout@2.7.0'): Command {
  return command
    .argument('<service@version>', description)
    .option(
      '--release <version>',
      'the version, if it has an @ itself; the argument is then the service alone',
    )
}

/**
 * `checkout@2.7.0` into service and version: at the last @, since npm-like service names begin with one and versions seldom have one.
 * @param version told apart, where it has an @ itself: then `text` is the service
 * @throws PostflightError INVALID_REQUEST
 */
export function parseRelease(
  text: string,
  version?: unknown,
): { readonly service: string; readonly version: string } {
  if (typeof version === 'string' && version !== '' && text !== '') return { service: text, version }
  const at = text.lastIndexOf('@')
  if (at > 0 && at < text.length - 1) return { service: text.slice(0, at), version: text.slice(at + 1) }
  throw new PostflightError('INVALID_REQUEST', `"${text}" is not a release.`, {
    hint: 'Write service@version, such as checkout@2.7.0; for a version with an @: checkout --release nightly@7.',
  })
}
