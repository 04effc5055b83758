import type { Attributes } from '@opentelemetry/api'
import { namesKey, valueKey } from './attribute-key.ts'
import type { Series } from './series.ts'

/**
 * A point on the way through attribute sets: which name comes next, and where each of its values leads. A way ends at a
 * series, or at a node where longer sets go on.
 */
class Node {
  /** The name that comes next; undefined while no set goes on from here. */
  name: string | undefined = undefined
  /** The value seen last, or the only one so far, and where it leads. Never an object: its contents may change. */
  value: unknown = NONE
  child: Node | Series | undefined = undefined
  /** All values, once there is a second one. */
  children: Map<unknown, Node | Series> | undefined = undefined
  /** Values that are arrays or objects, by their {@link valueKey}. */
  composites: Map<string, Node | Series> | undefined = undefined
  /** Another name that comes at this point, in sets of another shape. */
  next: Node | undefined = undefined
  /** The series of the set that ends here. */
  series: Series | undefined = undefined

  /** Where a value that is not the last one leads. */
  find(value: unknown): Node | Series | undefined {
    if (typeof value === 'object' && value !== null) return this.composites?.get(valueKey(value))
    // NaN, alone among values, does not equal itself.
    if (this.children === undefined) return Object.is(value, this.value) ? this.child : undefined
    const child = this.children.get(value)
    if (child !== undefined) {
      this.value = value
      this.child = child
    }
    return child
  }

  put(value: unknown, child: Node | Series): void {
    if (typeof value === 'object' && value !== null) {
      this.composites ??= new Map()
      this.composites.set(valueKey(value), child)
      return
    }
    const isSecond = this.children === undefined && this.value !== NONE && !isSame(this.value, value)
    if (isSecond) this.children = new Map([[this.value, this.child!]])
    this.children?.set(value, child)
    this.value = value
    this.child = child
  }

  delete(value: unknown): void {
    if (typeof value === 'object' && value !== null) {
      this.composites?.delete(valueKey(value))
      return
    }
    this.children?.delete(value)
    if (isSame(this.value, value)) {
      this.value = NONE
      this.child = undefined
    }
  }

  /** Whether no value leads anywhere. */
  get isDeadEnd(): boolean {
    return this.value === NONE && !this.children?.size && !this.composites?.size
  }
}

/** As a map compares its keys: NaN is itself, and 0 and -0 are one. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b)
}

/** No attribute has this value. */
const NONE = Symbol('none')

/** The order in which the names of a set are followed, and how many series there are with these names. */
interface Order {
  readonly names: readonly string[]
  series: number
}

/**
 * Finds the series of an attribute set, without building a string or an object.
 *
 * It is a trie along names and values. A series is at the end of one way: with its names in the order in which they came
 * when a set of these names was first seen. Other key orders are detours, in a trie of their own that is only a memory: it
 * is bounded, and beyond that it is dropped and learnt again.
 *
 * Memory per series is an entry in a map where its last attribute is what tells it apart; where the first one is, as with
 * an id in front, every further name adds a node.
 */
export class AttributeIndex {
  readonly #root = new Node()
  #detourRoot = new Node()
  #detours = 0
  #size = 0
  readonly #orders = new Map<string, Order>()

  get size(): number {
    return this.#size
  }

  /** How many other ways to known series are remembered. */
  get detours(): number {
    return this.#detours
  }

  /** The series of these attributes, if there is one. Allocates nothing when their key order is known. */
  find(attributes: Attributes): Series | undefined {
    const prototype: unknown = Object.getPrototypeOf(attributes)
    // What is inherited is no attribute, and the loops below would see it.
    if (prototype !== Object.prototype && prototype !== null) return this.find({ ...attributes })
    const series = walk(this.#root, attributes)
    if (series !== undefined) return series
    return this.#size === 0 ? undefined : this.#findByDetour(attributes)
  }

  /** Adds the series of an attribute set that was not found. */
  add(series: Series): void {
    const names = Object.keys(series.attributes)
    const key = namesKey(names)
    let order = this.#orders.get(key)
    if (order === undefined) {
      order = { names, series: 0 }
      this.#orders.set(key, order)
    }
    order.series++
    this.#size++
    lead(this.#root, order.names, series)
  }

  delete(series: Series): void {
    const key = namesKey(Object.keys(series.attributes))
    const order = this.#orders.get(key)!
    if (--order.series === 0) this.#orders.delete(key)
    this.#size--
    prune(this.#root, order.names, series.attributes, 0)
  }

  #findByDetour(attributes: Attributes): Series | undefined {
    const remembered = walk(this.#detourRoot, attributes)
    if (remembered !== undefined && !remembered.isForgotten) return remembered
    const names = Object.keys(attributes)
    const order = this.#orders.get(namesKey(names))
    if (order === undefined) return undefined
    let node: Node | Series | undefined = this.#root
    for (const name of order.names) {
      node = follow(node, name, attributes[name])
      if (node === undefined) return undefined
    }
    const { series } = node
    if (series !== undefined) this.#remember(names, attributes, series)
    return series
  }

  /** Remembers another way to a known series; these are not worth more memory than the series themselves. */
  #remember(names: readonly string[], attributes: Attributes, series: Series): void {
    if (++this.#detours > 2 * this.#size + 1000) {
      this.#detourRoot = new Node()
      this.#detours = 1
    }
    lead(this.#detourRoot, names, series, attributes)
  }
}

/** Follows a set in the order of its own names. */
function walk(root: Node, attributes: Attributes): Series | undefined {
  let node: Node | Series = root
  for (const name in attributes) {
    // A series has no name: no set goes on from it.
    let branch: Node | undefined = node as Node
    while (branch.name !== name) {
      branch = branch.next
      if (branch === undefined) return undefined
    }
    const value: unknown = attributes[name]
    const child: Node | Series | undefined = value === branch.value ? branch.child : branch.find(value)
    if (child === undefined) return undefined
    node = child
  }
  return node.series
}

function branchOf(node: Node | Series, name: string): Node | undefined {
  let branch: Node | undefined = node as Node
  while (branch !== undefined && branch.name !== name) branch = branch.next
  return branch
}

function follow(node: Node | Series, name: string, value: unknown): Node | Series | undefined {
  const branch = branchOf(node, name)
  if (branch === undefined) return undefined
  return value === branch.value ? branch.child : branch.find(value)
}

/** Makes the way that ends at a series. */
function lead(root: Node, names: readonly string[], series: Series, attributes = series.attributes): void {
  let node = root
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    const value: unknown = attributes[name]
    let branch = branchOf(node, name)
    if (branch === undefined) {
      if (node.name === undefined) {
        branch = node
      } else {
        branch = new Node()
        branch.next = node.next
        node.next = branch
      }
      branch.name = name
    }
    const child = value === branch.value ? branch.child : branch.find(value)
    if (i === names.length - 1) {
      // Longer sets may go on from here.
      if (child instanceof Node) child.series = series
      else branch.put(value, series)
      return
    }
    if (child instanceof Node) {
      node = child
    } else {
      const longer = new Node()
      longer.series = child
      branch.put(value, longer)
      node = longer
    }
  }
  root.series = series
}

/** Takes out a way as far as it leads nowhere else; returns whether the node is of no use any more. */
function prune(node: Node | Series, names: readonly string[], attributes: Attributes, depth: number): boolean {
  if (!(node instanceof Node)) return true
  if (depth === names.length) {
    node.series = undefined
  } else {
    const name = names[depth]!
    const value: unknown = attributes[name]
    const branch = branchOf(node, name)
    const child = branch && follow(branch, name, value)
    if (branch !== undefined && child !== undefined && prune(child, names, attributes, depth + 1)) {
      branch.delete(value)
      // A name that is gone must not be passed by in every look-up to come.
      if (branch.isDeadEnd) unlink(node, branch)
    }
  }
  return node.series === undefined && node.name === undefined
}

/** Takes a branch that leads nowhere out of those of a node; the node itself is the first of them. */
function unlink(node: Node, branch: Node): void {
  if (branch === node) {
    const { next } = node
    node.name = next?.name
    node.value = next === undefined ? NONE : next.value
    node.child = next?.child
    node.children = next?.children
    node.composites = next?.composites
    node.next = next?.next
    return
  }
  let before = node
  while (before.next !== branch) before = before.next!
  before.next = branch.next
}
