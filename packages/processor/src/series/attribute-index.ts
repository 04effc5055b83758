import type { Attributes } from '@opentelemetry/api'
import { isKnownOutsized, isOutsized } from './attribute-bounds.ts'
import { namesKey, valueKey } from './attribute-key.ts'
import { Leaf, Node, type Way } from './attribute-node.ts'
import type { Series } from './series.ts'

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
 * Memory per series is an entry in a map and one value where its last attribute is what tells it apart, and a leaf more
 * where the last but one is; where an earlier one is, as with an id in front, every further name adds a node.
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

  /**
   * The series of these attributes, if there is one. Allocates nothing when their key order is known. Throws what their
   * getters and the traps of a proxy throw.
   */
  find(attributes: Attributes): Series | undefined {
    if (isKnownOutsized(attributes)) return undefined
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
    share(series, order.names, lead(this.#root, order.names, series))
  }

  delete(series: Series): void {
    const key = namesKey(Object.keys(series.attributes))
    const order = this.#orders.get(key)!
    if (--order.series === 0) this.#orders.delete(key)
    this.#size--
    prune(this.#root, order.names, series.attributes, 0)
  }

  /** All series, by way of every node. */
  [Symbol.iterator](): Generator<Series> {
    return seriesFrom(this.#root)
  }

  #findByDetour(attributes: Attributes): Series | undefined {
    const remembered = walk(this.#detourRoot, attributes)
    if (remembered !== undefined && !remembered.isForgotten) return remembered
    if (isOutsized(attributes)) return undefined
    const names = Object.keys(attributes)
    const order = this.#orders.get(namesKey(names))
    if (order === undefined) return undefined
    // Read once: what a getter gives may be another value when it is remembered.
    const read = { ...attributes }
    let node: Way | undefined = this.#root
    for (const name of order.names) {
      node = follow(node, name, read[name])
      if (node === undefined) return undefined
    }
    const { series } = node
    if (series !== undefined) this.#remember(names, read, series)
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

const hasOwn = Object.prototype.hasOwnProperty

/** Follows a set in the order of its own names; undefined also where it has inherited ones. */
function walk(root: Node, attributes: Attributes): Series | undefined {
  let node: Way = root
  for (const name in attributes) {
    // What is inherited is no attribute. V8 knows that of the keys of this loop and makes nothing of the question.
    if (!hasOwn.call(attributes, name)) return undefined
    // A series is a dead end: no set goes on from it.
    let branch: Way = node
    while (branch.name !== name) {
      if (branch.next === undefined) return undefined
      branch = branch.next
    }
    const value: unknown = attributes[name]
    const known: Way | undefined = branch.child
    const child: Way | undefined = known !== undefined && value === branch.value ? known : branch.find(value)
    if (child === undefined) return undefined
    node = child
  }
  return node.series
}

function branchOf(node: Way, name: string): Way | undefined {
  let branch: Way | undefined = node
  while (branch !== undefined && branch.name !== name) branch = branch.next
  return branch
}

function follow(node: Way, name: string, value: unknown): Way | undefined {
  const branch = branchOf(node, name)
  if (branch === undefined) return undefined
  return branch.child !== undefined && value === branch.value ? branch.child : branch.find(value)
}

/** Makes the way that ends at a series; returns the last node on it that has many values, and how deep it lies. */
function lead(
  root: Node,
  names: readonly string[],
  series: Series,
  attributes = series.attributes,
): { readonly branch: Node; readonly depth: number } | undefined {
  let node = root
  let last: { branch: Node; depth: number } | undefined
  const end = names.length - 1
  for (let depth = 0; depth <= end; depth++) {
    const value: unknown = attributes[names[depth]!]
    const branch = branchFor(node, names[depth]!)
    const child = branch.find(value)
    if (branch.hasMany) last = { branch, depth }
    if (child instanceof Node) {
      node = child
    } else if (depth === end && !(child instanceof Leaf)) {
      branch.put(value, series)
      return last
    } else {
      if (child === undefined && branch.hasMany && depth === end - 1 && isPrimitive(attributes[names[end]!])) {
        branch.put(value, new Leaf(names[end]!, attributes[names[end]!], series))
        return last
      }
      // Longer sets may go on from where others end.
      node = child instanceof Leaf ? child.toNode() : new Node()
      if (child !== undefined && !(child instanceof Leaf)) node.series = child
      branch.put(value, node)
    }
  }
  node.series = series
  return last
}

/** Has a series keep the one value that tells it from most others, instead of all its attributes. */
function share(series: Series, names: readonly string[], last: ReturnType<typeof lead>): void {
  if (last === undefined) return
  const { attributes } = series
  const { branch, depth } = last
  // Assigning to `__proto__` would change the prototype.
  if (branch.name === '__proto__' || !isPrimitive(attributes[branch.name])) return
  let rest = ''
  for (const name of names.slice(depth + 1)) {
    const value: unknown = attributes[name]
    if (!isPrimitive(value)) return
    rest += `${name.length}:${name}${valueKey(value)}`
  }
  const template = branch.templateFor(attributes, rest)
  if (template !== undefined) series.share(template, attributes[branch.name])
}

function isPrimitive(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** The branch of this name, made if it is not there. */
function branchFor(node: Node, name: string): Node {
  if (node.isDeadEnd) {
    node.name = name
    return node
  }
  const known = branchOf(node, name)
  if (known instanceof Node) return known
  const branch = new Node()
  branch.name = name
  if (node.next !== undefined) branch.next = node.next
  node.next = branch
  return branch
}

/** Takes out a way as far as it leads nowhere else; returns whether the node is of no use any more. */
function prune(node: Way, names: readonly string[], attributes: Attributes, depth: number): boolean {
  if (!(node instanceof Node)) return true
  if (depth === names.length) {
    node.series = undefined
  } else {
    const name = names[depth]!
    const value: unknown = attributes[name]
    const branch = branchOf(node, name)
    const child = branch?.find(value)
    if (branch instanceof Node && child !== undefined && prune(child, names, attributes, depth + 1)) {
      branch.delete(value)
      // A name that is gone must not be passed by in every look-up to come.
      if (branch.isDeadEnd) unlink(node, branch)
    }
  }
  return node.series === undefined && node.isDeadEnd
}

/** Takes a branch that leads nowhere out of those of a node; the node itself is the first of them. */
function unlink(node: Node, branch: Node): void {
  if (branch === node) {
    node.become(node.next ?? new Node())
    return
  }
  let before = node
  while (before.next !== branch) before = before.next!
  before.next = branch.next
}

function* seriesFrom(node: Way): Generator<Series> {
  if (node instanceof Leaf) {
    yield node.child
    return
  }
  if (node.series !== undefined) yield node.series
  for (let branch = node instanceof Node ? node : undefined; branch !== undefined; branch = branch.next) {
    for (const child of branch.leadsTo()) yield* seriesFrom(child)
  }
}
