import type { Attributes } from '@opentelemetry/api'
import { valueKey } from './attribute-key.ts'
import { AttributeTemplate } from './attribute-template.ts'
import type { Series } from './series.ts'

/** Where a value leads: on, or to the end. */
export type Way = Node | Leaf | Series

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
  child: Way | undefined = undefined
  /** The second value, while there are no more: many attributes have two. */
  #secondValue: unknown = ''
  #secondChild: Way | undefined = undefined
  /** All values, once there are more than two. */
  #children: Map<unknown, Way> | undefined = undefined
  /** Where the last value led that was not {@link value}. */
  #candidate: Way | undefined = undefined
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
  find(value: unknown): Way | undefined {
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

  put(value: unknown, child: Way): void {
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
  *leadsTo(): Generator<Way> {
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

  /** Whether its values are what tells most series apart that are found through here. */
  get hasMany(): boolean {
    return this.#children !== undefined
  }

  /**
   * What the series have in common that are found through here and go on in the same way; undefined where so few would
   * share it that it costs more than it saves.
   *
   * @param attributes of one of them
   * @param rest what comes after {@link name}, the same string for the same names and values
   */
  templateFor(attributes: Attributes, rest: string): AttributeTemplate | undefined {
    const values = this.#children?.size ?? 0
    const known = this.#rare?.templates
    const template = known?.get(rest)
    if (template !== undefined || values < VALUES_PER_TEMPLATE * (1 + (known?.size ?? 0))) return template
    const made = new AttributeTemplate(attributes, this.name)
    this.#rare ??= new Rare()
    this.#rare.templates ??= new Map()
    this.#rare.templates.set(rest, made)
    return made
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
  composites: Map<string, Way> | undefined = undefined
  next: Node | undefined = undefined
  series: Series | undefined = undefined
  /** By what comes after the node's name. */
  templates: Map<string, AttributeTemplate> | undefined = undefined
}

/** A template takes some 150 bytes, and spares a series 40. */
const VALUES_PER_TEMPLATE = 16

/**
 * A node with one way only, which ends. There are many where one attribute more comes after the one with the most values,
 * and they take half the memory. Once there is more to it, it is replaced by a {@link Node}.
 */
export class Leaf {
  readonly name: string
  /** Never an object. */
  readonly value: unknown
  readonly child: Series

  constructor(name: string, value: unknown, child: Series) {
    this.name = name
    this.value = value
    this.child = child
  }

  get next(): undefined {
    return undefined
  }

  /** No set ends here. */
  get series(): undefined {
    return undefined
  }

  /** NaN, alone among values, does not equal itself. */
  find(value: unknown): Series | undefined {
    return isSame(this.value, value) ? this.child : undefined
  }

  toNode(): Node {
    const node = new Node()
    node.name = this.name
    node.put(this.value, this.child)
    return node
  }
}

/** As a map compares its keys: NaN is itself, and 0 and -0 are one. */
export function isSame(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b)
}
