import type { Attributes } from '../protobuf/attributes.ts'
import type { ExceptionKinds } from './kinds.ts'

const TYPE = Buffer.from('exception.type')
const MESSAGE = Buffer.from('exception.message')
const STACK = Buffer.from('exception.stacktrace')
const FIRST = TYPE[0] as number
const NONE = Buffer.alloc(0)

interface Place {
  start: number
  end: number
}

/** Finds the exception among a record's attributes, which all but few records do not have. */
export class ExceptionAttributes {
  private readonly kinds: ExceptionKinds
  private readonly type: Place = { start: 0, end: 0 }
  private readonly message: Place = { start: 0, end: 0 }
  private readonly stack: Place = { start: 0, end: 0 }
  private readonly places: readonly (readonly [key: Buffer, place: Place])[] = [
    [TYPE, this.type],
    [MESSAGE, this.message],
    [STACK, this.stack],
  ]

  constructor(kinds: ExceptionKinds) {
    this.kinds = kinds
  }

  /** @returns the kind's name; empty if there is no exception */
  kindOf(attributes: Attributes): Buffer {
    const { count, source, keyStart, keyEnd } = attributes
    let found = false
    for (let i = 0; i < count; i++) {
      const start = keyStart[i] as number
      const size = (keyEnd[i] as number) - start
      if ((size !== 14 && size !== 17 && size !== 20) || source[start] !== FIRST) continue
      for (const [key, place] of this.places) {
        if (key.length !== size || key.compare(source, start, start + size) !== 0) continue
        if (!found) this.clear()
        found = true
        attributes.textPlace(i, place)
      }
    }
    return found ? this.kinds.of(source, this.type, this.message, this.stack) : NONE
  }

  private clear(): void {
    for (const [, place] of this.places) place.start = place.end = 0
  }
}
