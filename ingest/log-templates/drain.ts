import { createHash } from 'node:crypto'

/** Part of every template's id: another method, or other masks, gives other templates. */
export const TEMPLATE_VERSION = 1
export const WILDCARD = '<*>'

export interface DrainOptions {
  /** Depth of the tree: the root, the number of tokens, then `depth - 2` tokens. */
  readonly depth: number
  /** Share of a line's tokens that must be those of a template, 0 to 1. */
  readonly similarity: number
  /** Branches of a node that are kept by token; the others share one. */
  readonly maxChildren: number
  /** Templates that are known at a time, and in one leaf; those that were not seen for longest are forgotten. */
  readonly maxTemplates: number
  readonly maxInLeaf: number
}

/** Depth, similarity and branches are those of the paper's experiments. */
export const DRAIN_DEFAULTS: DrainOptions = {
  depth: 4,
  similarity: 0.4,
  maxChildren: 100,
  maxTemplates: 4096,
  maxInLeaf: 256,
}

/** Lines of one kind. */
export interface Template {
  /** Its first line: what it is known by for ever, while `tokens` become more general. */
  readonly name: string
  /** The same in UTF-8. */
  readonly nameBytes: Buffer
  /** 64 bits of a hash over name and version, as two halves. */
  readonly idLow: number
  readonly idHigh: number
  /** With `<*>` where lines differ. */
  tokens: readonly string[]
  /** Milliseconds since 1970, with microseconds. */
  readonly firstSeen: number
  /** False once it was forgotten. */
  known: boolean
  /** Counts up with every line of any template. */
  used: number
}

interface Node {
  readonly children: Map<string, Node>
  readonly templates: Template[]
}

/**
 * Drain (He, Zhu, Zheng, Lyu: "Drain: An online log parsing approach with fixed depth tree", ICWS 2017): lines of equal length that begin
 * alike are in one leaf; there a line joins the template that has the most tokens in common with it, and where they differ the template
 * gets a wildcard.
 *
 * One thing is added: a template that a line fits already, every token equal or a wildcard, comes before one that is more similar but
 * would have to change; of several the oldest. So a line that was of a template stays so, however others change.
 */
export class Drain {
  private readonly options: DrainOptions
  private readonly root = newNode()
  private count = 0
  private uses = 0
  private newest = 0

  constructor(options: Partial<DrainOptions> = {}) {
    this.options = { ...DRAIN_DEFAULTS, ...options }
  }

  get size(): number {
    return this.count
  }

  /** The template of a line, which may have changed; undefined if it is of none. */
  match(tokens: readonly string[]): Template | undefined {
    const leaf = this.path(tokens, false).at(-1)
    if (leaf === undefined) return undefined
    const found = this.best(leaf, tokens)
    if (found === undefined) return undefined
    this.touch(found)
    found.tokens = general(found.tokens, tokens)
    return found
  }

  /** @param now milliseconds since 1970 */
  add(name: string, tokens: readonly string[], now: number): Template {
    const leaf = this.path(tokens, true).at(-1) as Node
    // One after the other also within a millisecond, so that their order is known after a restart.
    this.newest = Math.max(now, this.newest + 0.001)
    const id = createHash('sha256').update(`drain@${TEMPLATE_VERSION}\n${name}`).digest()
    const template: Template = {
      name,
      nameBytes: Buffer.from(name),
      idLow: id.readUInt32LE(0),
      idHigh: id.readUInt32LE(4),
      tokens,
      firstSeen: this.newest,
      known: true,
      used: 0,
    }
    this.touch(template)
    if (leaf.templates.length >= this.options.maxInLeaf) this.forget(leastUsed(leaf.templates))
    // Forgetting may have cut off an empty leaf.
    const home = this.path(tokens, true).at(-1) as Node
    home.templates.push(template)
    this.count++
    if (this.count > this.options.maxTemplates) this.forgetSome()
    return template
  }

  touch(template: Template): void {
    template.used = ++this.uses
  }

  *templates(): Generator<Template> {
    const open = [this.root]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      yield* node.templates
      open.push(...node.children.values())
    }
  }

  /** The nodes from the root to a line's leaf, shorter if there is no leaf and none is to be made. */
  private path(tokens: readonly string[], make: boolean): Node[] {
    const { depth, maxChildren } = this.options
    const path = [this.root]
    const keys = [String(tokens.length), ...tokens.slice(0, depth - 2)]
    for (const [level, token] of keys.entries()) {
      const node = path.at(-1) as Node
      // What varies makes no branch of its own; beyond as many as a node may have, nothing does.
      let key = level > 0 && token.includes('<') ? WILDCARD : token
      if (level > 0 && !node.children.has(key) && node.children.size >= maxChildren - 1) key = WILDCARD
      let next = node.children.get(key)
      if (next === undefined) {
        if (!make) return []
        next = newNode()
        node.children.set(key, next)
      }
      path.push(next)
    }
    return path
  }

  private best(leaf: Node, tokens: readonly string[]): Template | undefined {
    let best: Template | undefined
    let bestEqual = -1
    let bestWildcards = -1
    for (const template of leaf.templates) {
      let equal = 0
      let wildcards = 0
      for (let i = 0; i < tokens.length; i++) {
        const token = template.tokens[i]
        if (token === WILDCARD) wildcards++
        else if (token === tokens[i]) equal++
      }
      if (equal + wildcards === tokens.length) return template
      if (equal > bestEqual || (equal === bestEqual && wildcards > bestWildcards)) {
        best = template
        bestEqual = equal
        bestWildcards = wildcards
      }
    }
    return bestEqual / tokens.length >= this.options.similarity ? best : undefined
  }

  private forgetSome(): void {
    const all = [...this.templates()].sort((a, b) => a.used - b.used)
    // Many at once, so that it is not done at every new line.
    for (const template of all.slice(0, Math.max(1, all.length >> 4))) this.forget(template)
  }

  private forget(template: Template): void {
    template.known = false
    this.remove(this.root, template)
    this.count--
  }

  /** @returns true if it was below `node` */
  private remove(node: Node, template: Template): boolean {
    const at = node.templates.indexOf(template)
    if (at >= 0) {
      node.templates.splice(at, 1)
      return true
    }
    for (const [key, child] of node.children) {
      if (!this.remove(child, template)) continue
      if (child.templates.length === 0 && child.children.size === 0) node.children.delete(key)
      return true
    }
    return false
  }
}

/** Tokens as text: blanks between them, but for what stands after `name=`. */
export function textOf(tokens: readonly string[]): string {
  return tokens.join(' ').replaceAll('= ', '=')
}

function general(template: readonly string[], line: readonly string[]): readonly string[] {
  if (template.every((token, i) => token === line[i] || token === WILDCARD)) return template
  return template.map((token, i) => (token === line[i] ? token : WILDCARD))
}

function leastUsed(templates: readonly Template[]): Template {
  return templates.reduce((least, template) => (template.used < least.used ? template : least))
}

function newNode(): Node {
  return { children: new Map(), templates: [] }
}
