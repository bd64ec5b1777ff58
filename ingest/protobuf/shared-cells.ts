import type { Block } from '../native/block.ts'
import type { SharedMapColumn } from '../native/column.ts'
import type { ResourceGroup, ScopeGroup } from './scope.ts'

interface SharedCells {
  readonly resourceAttributes: SharedMapColumn
  readonly scopeAttributes?: SharedMapColumn
}

/**
 * The maps that a record takes over from its resource and scope. They are made for the first record of a group in a
 * block, and copied within the columns for the others, which is most of them.
 */
export class RepeatedMaps {
  private readonly cells: SharedCells
  private resource = -1
  private scope = -1

  constructor(cells: SharedCells) {
    this.cells = cells
  }

  /** What was written before is not to be copied any more: it was taken back, or the block was sent. */
  forget(): void {
    this.resource = -1
    this.scope = -1
  }

  push(resource: ResourceGroup, scope: ScopeGroup): void {
    const { resourceAttributes, scopeAttributes } = this.cells
    if (this.resource === resource.generation) resourceAttributes.repeat()
    else {
      this.resource = -1
      resourceAttributes.push(resource.attributes)
      this.resource = resource.generation
    }
    if (scopeAttributes === undefined) return
    if (this.scope === scope.generation) scopeAttributes.repeat()
    else {
      this.scope = -1
      scopeAttributes.push(scope.attributes)
      this.scope = scope.generation
    }
  }
}

/** A block, and the maps that the records of a request share in it. */
export class Target<Of extends Block> {
  readonly block: Of
  readonly maps: RepeatedMaps

  constructor(block: Of, cells: SharedCells) {
    this.block = block
    this.maps = new RepeatedMaps(cells)
  }

  beginRecord(): void {
    this.block.beginRecord()
  }

  undoRecord(): void {
    this.block.undoRecord()
    this.maps.forget()
  }
}
