import type { Attributes } from '@opentelemetry/api'
import { namesKey } from './attribute-key.ts'
import { Node } from './attribute-node.ts'
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

  /** All series, by way of every node. */
  [Symbol.iterator](): Generator<Series> {
    return seriesFrom(this.#root)
  }

  #findByDetour(attributes: Attributes): Series | undefined {
    const remembered = walk(this.#detourRoot, attributes)
    if (remembered !== undefined && !remembered.isForgotten) return remembered
    const names = Object.keys(attributes)
    const order = this.#orders.get(namesKey(names))
    if (order === undefined) return undefined
    // Read once: what a getter gives may be another value when it is remembered.
    const read = { ...attributes }
    let node: Node | Series | undefined = this.#root
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
  let node: Node | Series = root
  for (const name in attributes) {
    // What is inherited is no attribute. V8 knows that of the keys of this loop and makes nothing of the question.
    if (!hasOwn.call(attributes, name)) return undefined
    // A series is a dead end: no set goes on from it.
    let branch: Node | Series = node
    while (branch.name !== name) {
      if (branch.next === undefined) return undefined
      branch = branch.next
    }
    const value: unknown = attributes[name]
    const known: Node | Series | undefined = branch.child
    const child: Node | Series | undefined = known !== undefined && value === branch.value ? known : branch.find(value)
    if (child === undefined) return undefined
    node = child
  }
  return node.series
}

function branchOf(node: Node | Series, name: string): Node | Series | undefined {
  let branch: Node | Series | undefined = node
  while (branch !== undefined && branch.name !== name) branch = branch.next
  return branch
}

function follow(node: Node | Series, name: string, value: unknown): Node | Series | undefined {
  const branch = branchOf(node, name)
  if (branch === undefined) return undefined
  return branch.child !== undefined && value === branch.value ? branch.child : branch.find(value)
}

function* seriesFrom(node: Node | Series): Generator<Series> {
  if (node.series !== undefined) yield node.series
  for (let branch = node instanceof Node ? node : undefined; branch !== undefined; branch = branch.next) {
    for (const child of branch.leadsTo()) yield* seriesFrom(child)
  }
}

/** Makes the way that ends at a series. */
function lead(root: Node, names: readonly string[], series: Series, attributes = series.attributes): void {
  let node = root
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    const value: unknown = attributes[name]
    const branch = branchFor(node, name)
    const child = branch.find(value)
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
      if (child !== undefined) longer.series = child
      branch.put(value, longer)
      node = longer
    }
  }
  root.series = series
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
function prune(node: Node | Series, names: readonly string[], attributes: Attributes, depth: number): boolean {
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
