/** What one item (a statement, say) has grown by since it came among the top. */
export interface Increase {
  /** Undefined: all the others together. */
  readonly key: string | undefined
  /** Milliseconds since 1970: when it came among the top, and counts from. */
  readonly since: number
  /** True: it came with this round. */
  readonly entered: boolean
  /** In the order of the values given. */
  readonly sums: readonly number[]
}

interface Member {
  readonly since: number
  entered: boolean
  readonly sums: number[]
}

/** How much an earlier round's growth still counts at the next. */
const DECAY = 0.7

/**
 * Of many cumulative counters, the few that grow most, and the rest as one: bounded, nothing counted twice, nothing lost. An item that comes among the
 * top is a stream that begins at zero then; when it leaves, its growth goes to the rest.
 */
export class TopIncreases {
  readonly #most: number
  #last: ReadonlyMap<string, readonly number[]> | undefined
  #lastTime = 0
  #scores = new Map<string, number>()
  #members = new Map<string, Member>()
  #rest: Member | undefined
  #all: Member | undefined

  /** @param most items that are told by themselves */
  constructor(most: number) {
    this.#most = most
  }

  /**
   * @param items all of them: cumulative values by key, the first of which says what is top; a value that falls was reset
   * @param time milliseconds since 1970
   * @returns nothing at the first round: how much of what is there is new cannot be known; then the top, and all together
   */
  round(
    items: ReadonlyMap<string, readonly number[]>,
    time: number,
  ): { readonly top: readonly Increase[]; readonly all: Increase | undefined } {
    const last = this.#last
    const since = this.#lastTime
    this.#last = items
    this.#lastTime = time
    if (last === undefined) return { top: [], all: undefined }
    const increases = new Map<string, readonly number[]>()
    const scores = new Map<string, number>()
    for (const [key, values] of items) {
      const before = last.get(key)
      const increase = values.map((value, at) => increased(before?.[at] ?? 0, value))
      increases.set(key, increase)
      const score = (this.#scores.get(key) ?? 0) * DECAY + (increase[0] ?? 0)
      if (score > 0) scores.set(key, score)
    }
    this.#scores = scores
    const top = [...scores].sort((a, b) => b[1] - a[1]).slice(0, this.#most)
    const members = new Map<string, Member>()
    for (const [key] of top) {
      const known = this.#members.get(key)
      const width = items.get(key)?.length ?? 0
      members.set(key, known === undefined ? newMember(since, width) : { ...known, entered: false })
    }
    this.#members = members
    if (this.#all === undefined) this.#all = newMember(since, 0)
    else this.#all.entered = false
    for (const [key, increase] of increases) {
      add(this.#all, increase)
      const member = members.get(key) ?? (scores.has(key) ? this.#others(since, increase.length) : undefined)
      if (member !== undefined) add(member, increase)
    }
    const told: Increase[] = [...members].map(([key, member]) => ({ key, ...member, sums: [...member.sums] }))
    const rest = this.#rest
    if (rest !== undefined) {
      told.push({ key: undefined, ...rest, sums: [...rest.sums] })
      rest.entered = false
    }
    return { top: told, all: { key: undefined, ...this.#all, sums: [...this.#all.sums] } }
  }

  #others(since: number, width: number): Member {
    this.#rest ??= newMember(since, width)
    return this.#rest
  }
}

function add(member: Member, increase: readonly number[]): void {
  increase.forEach((more, at) => {
    member.sums[at] = (member.sums[at] ?? 0) + more
  })
}

function newMember(since: number, width: number): Member {
  return { since, entered: true, sums: Array.from({ length: width }, () => 0) }
}

/** All of a value that fell is new. */
export function increased(before: number, value: number): number {
  return value >= before ? value - before : value
}
