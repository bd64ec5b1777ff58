import { createHash, type Hash } from 'node:crypto'

/** Numbers that are gathered before they are hashed. */
const GATHERED = 4096

/**
 * SHA-256 of rows, whatever their order: two readings of the same rows have the same digest.
 *
 * A sum of floating-point numbers depends in its last bits on the order in which the engine met the parts, so a number that is
 * no integer counts with 16 bits of its mantissa (five digits); integers, which counts are, count exactly.
 * @param rows as the store gives them: fields that are text, numbers, booleans, null, or (nested) arrays of these, typed ones too
 * @returns hexadecimal
 */
export function digestRows(rows: readonly object[]): string {
  const named = rows.map((row) => ({ name: textOf(row), row }))
  named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const numbers = new Numbers(createHash('sha256'))
  for (const { name, row } of named) {
    numbers.text(name)
    for (const value of Object.values(row)) numbers.add(value)
  }
  return numbers.digest()
}

/** The fields that are not numbers or lists: what tells a row from the others. */
function textOf(row: object): string {
  return JSON.stringify(Object.entries(row).filter(([, value]) => !isNumeric(value)))
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || Array.isArray(value) || value instanceof Float64Array
}

class Numbers {
  readonly #hash: Hash
  readonly #gathered = new Float64Array(GATHERED)
  readonly #single = new Float32Array(1)
  readonly #bits = new Uint32Array(this.#single.buffer)
  #length = 0

  constructor(hash: Hash) {
    this.#hash = hash
  }

  text(text: string): void {
    this.#flush()
    this.#hash.update(text).update('\n')
  }

  add(value: unknown): void {
    if (typeof value === 'number') this.#number(value)
    else if (value instanceof Float64Array) {
      this.#number(value.length)
      for (const number of value) this.#number(number)
    } else if (Array.isArray(value)) {
      this.#number(value.length)
      for (const item of value) {
        if (typeof item === 'number' || Array.isArray(item)) this.add(item)
        else this.text(JSON.stringify(item))
      }
    }
  }

  digest(): string {
    this.#flush()
    return this.#hash.digest('hex')
  }

  #number(value: number): void {
    if (this.#length === GATHERED) this.#flush()
    const whole = Math.round(value)
    if (Math.abs(value - whole) <= 1e-9 * Math.max(1, Math.abs(value))) {
      this.#gathered[this.#length++] = whole
      return
    }
    this.#single[0] = value
    this.#bits[0] = (this.#bits[0] as number) & 0xffffff80
    this.#gathered[this.#length++] = this.#single[0] as number
  }

  #flush(): void {
    if (this.#length === 0) return
    this.#hash.update(new Uint8Array(this.#gathered.buffer, 0, this.#length * 8))
    this.#length = 0
  }
}
