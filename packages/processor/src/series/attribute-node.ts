import { valueKey } from './attribute-key.ts'
import type { Series } from './series.ts'

/**
 * A point on the way through attribute sets: which name comes next, and where each of its values leads. A way ends at a
 * series, or at a node where longer sets go on.
 *
 * What the walk compares is always a string, never undefined or a symbol: V8 compares strings by pointer first as long as
 * it has seen nothing else in that place.
 */
export class Node {
  /** The name that comes next. Means nothing while no set goes on from here. */
  name = ''
  /**
   * The first value and where it leads; once there are more than two, the one that came twice in a row. Never an object:
   * its contents may change. There is none while `child` is undefined, which it is where values keep changing: comparing
   * texts that differ costs a walk along them.
   */
  value: unknown = ''
  child: Node | Series | undefined = undefined
  /** The second value, while there are no more: many attributes have two. */
  #secondValue: unknown = ''
  #secondChild: Node | Series | undefined = undefined
  /** All values, once there are more than two. */
  #children: Map<unknown, Node | Series> | undefined = undefined
  /** Where the last value led that was not {@link value}. */
  #candidate: Node | Series | undefined = undefined
  #rare: Rare | undefined = undefined

  /** Another name that comes at this point, in sets of another shape. */
  get next(): Node | undefined {
    return this.#rare?.next
  }

  set next(next: Node | undefined) {
    this.#rare ??= new Rare()
    this.#rare.next = next
  }

  /** The series of the set that ends here. */
  get series(): Series | undefined {
    return this.#rare?.series
  }

  set series(series: Series | undefined) {
    this.#rare ??= new Rare()
    this.#rare.series = series
  }

  /** Where a value other than {@link value} leads; that one, too, but not as fast. */
  find(value: unknown): Node | Series | undefined {
    if (typeof value === 'object' && value !== null) return this.#rare?.composites?.get(valueKey(value))
    if (this.#children === undefined) {
      if (this.#secondChild !== undefined && value === this.#secondValue) return this.#secondChild
      // NaN, alone among values, does not equal itself.
      if (this.child !== undefined && isSame(this.value, value)) return this.child
      return this.#secondChild !== undefined && isSame(this.#secondValue, value) ? this.#secondChild : undefined
    }
    const child = this.#children.get(value)
    if (child === undefined) return undefined
    if (child === this.#candidate) {
      this.value = value
      this.child = child
    } else {
      this.#candidate = child
      this.child = undefined
    }
    return child
  }

  put(value: unknown, child: Node | Series): void {
    if (typeof value === 'object' && value !== null) {
      this.#rare ??= new Rare()
      this.#rare.composites ??= new Map()
      this.#rare.composites.set(valueKey(value), child)
    } else if (this.#children !== undefined) {
      this.#children.set(value, child)
      this.child = undefined
    } else if (this.child === undefined || isSame(this.value, value)) {
      this.value = value
      this.child = child
    } else if (this.#secondChild === undefined || isSame(this.#secondValue, value)) {
      this.#secondValue = value
      this.#secondChild = child
    } else {
      this.#children = new Map([
        [this.value, this.child],
        [this.#secondValue, this.#secondChild],
        [value, child],
      ])
      this.child = undefined
      this.#secondChild = undefined
    }
  }

  delete(value: unknown): void {
    if (typeof value === 'object' && value !== null) {
      this.#rare?.composites?.delete(valueKey(value))
    } else if (this.#children !== undefined) {
      this.#children.delete(value)
      this.child = undefined
      this.#candidate = undefined
    } else if (isSame(this.value, value)) {
      this.value = this.#secondValue
      this.child = this.#secondChild
      this.#secondChild = undefined
    } else {
      this.#secondChild = undefined
    }
  }

  /** Where all values lead. */
  *leadsTo(): Generator<Node | Series> {
    if (this.#children !== undefined) yield* this.#children.values()
    else {
      if (this.child !== undefined) yield this.child
      if (this.#secondChild !== undefined) yield this.#secondChild
    }
    if (this.#rare?.composites !== undefined) yield* this.#rare.composites.values()
  }

  /** Whether no value leads anywhere. */
  get isDeadEnd(): boolean {
    return this.child === undefined && !this.#children?.size && !this.#rare?.composites?.size
  }

  /** Becomes what another one is, but for the series that ends here. */
  become(other: Node): void {
    const { series } = this
    this.name = other.name
    this.value = other.value
    this.child = other.child
    this.#secondValue = other.#secondValue
    this.#secondChild = other.#secondChild
    this.#children = other.#children
    this.#candidate = undefined
    this.#rare = other.#rare
    if (series !== undefined || this.#rare !== undefined) this.series = series
  }
}

/** What few nodes have. */
class Rare {
  /** Values that are arrays or objects, by their {@link valueKey}. */
  composites: Map<string, Node | Series> | undefined = undefined
  next: Node | undefined = undefined
  series: Series | undefined = undefined
}

/** As a map compares its keys: NaN is itself, and 0 and -0 are one. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b)
}
