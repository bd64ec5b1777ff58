/** The messages of a partition that are stored together, and the token of their inserts. */
export interface Intent {
  /** Offsets, both included. */
  readonly first: number
  readonly last: number
  /** Differs between any two batches, also of topics that were deleted and made again. */
  readonly token: string
}

/**
 * An intent as the metadata of an offset commit: written before the inserts, so that whoever gets the partition after a crash
 * forms the very same batch. `token` has no spaces.
 */
export function intentToMetadata({ first, last, token }: Intent): string {
  return `postflight/1 ${first} ${last} ${token}`
}

/** @returns undefined if the metadata holds none, as after a batch that was finished */
export function intentFromMetadata(metadata: string | null | undefined): Intent | undefined {
  const [, first, last, token] = /^postflight\/1 (\d+) (\d+) (\S+)$/.exec(metadata ?? '') ?? []
  if (first === undefined || last === undefined || token === undefined) return undefined
  return { first: Number(first), last: Number(last), token }
}
