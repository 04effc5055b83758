import type { Attributes } from '@opentelemetry/api'
import { attributeKey, valueKey } from './attribute-key.ts'
import type { Series } from './series.ts'

/** One step on the way through an attribute set: a name, and where each of its values leads. */
interface Edge {
  readonly name: string
  /** By the value itself, which keeps `1` and `'1'` apart; of arrays and objects by a string for it. */
  readonly scalars: Map<unknown, Node>
  composites: Map<string, Node> | undefined
  /** Another name that comes at this point in sets of another shape. */
  next: Edge | undefined
}

interface Node {
  series: Series | undefined
  edges: Edge | undefined
}

/**
 * Finds the series of an attribute set.
 *
 * Two structures answer: a map by injective key, which is the truth, and before it a trie along names and values in the
 * order in which they come, which is about ten times faster as it builds no string. The trie only remembers what the map
 * has answered. Detours, which are other key orders of known series, are bounded: beyond, the trie is forgotten
 * and learnt again.
 */
export class AttributeIndex {
  readonly #byKey = new Map<string, Series>()
  #root: Node = newNode()
  #detours = 0

  get size(): number {
    return this.#byKey.size
  }

  /** How many other ways to known series are remembered. */
  get detours(): number {
    return this.#detours
  }

  find(attributes: Attributes): Series | undefined {
    const series = this.#walk(attributes)?.series
    // A detour may still lead to one that was deleted.
    if (series !== undefined && !series.isForgotten) return series
    const known = this.#byKey.get(attributeKey(attributes))
    if (known !== undefined) this.#remember(attributes, known)
    return known
  }

  /** Adds the series of an attribute set that was not found. */
  add(series: Series): void {
    this.#byKey.set(attributeKey(series.attributes), series)
    this.#leaf(series.attributes).series = series
  }

  delete(series: Series): void {
    this.#byKey.delete(attributeKey(series.attributes))
    this.#prune(this.#root, series.attributes, Object.keys(series.attributes), 0)
  }

  /** Remembers another way to a known series; these are not worth more memory than the series themselves. */
  #remember(attributes: Attributes, series: Series): void {
    if (++this.#detours > 2 * this.#byKey.size + 1000) {
      this.#root = newNode()
      this.#detours = 0
    }
    this.#leaf(attributes).series = series
  }

  #walk(attributes: Attributes): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of Object.keys(attributes)) {
      let edge: Edge | undefined = node.edges
      while (edge !== undefined && edge.name !== name) edge = edge.next
      if (edge === undefined) return undefined
      node = follow(edge, attributes[name])
      if (node === undefined) return undefined
    }
    return node
  }

  #leaf(attributes: Attributes): Node {
    let node = this.#root
    for (const name of Object.keys(attributes)) {
      let edge: Edge | undefined = node.edges
      while (edge !== undefined && edge.name !== name) edge = edge.next
      if (edge === undefined) {
        edge = { name, scalars: new Map(), composites: undefined, next: node.edges }
        node.edges = edge
      }
      node = followOrAdd(edge, attributes[name])
    }
    return node
  }

  /** Takes out a way that leads nowhere else; returns whether the node is of no use any more. */
  #prune(node: Node, attributes: Attributes, names: readonly string[], depth: number): boolean {
    if (depth === names.length) {
      node.series = undefined
    } else {
      const name = names[depth]!
      let before: Edge | undefined
      let edge = node.edges
      while (edge !== undefined && edge.name !== name) {
        before = edge
        edge = edge.next
      }
      const value: unknown = attributes[name]
      const child = edge && follow(edge, value)
      if (child !== undefined && this.#prune(child, attributes, names, depth + 1)) {
        if (isComposite(value)) edge!.composites!.delete(valueKey(value))
        else edge!.scalars.delete(value)
        // A name that is gone must not be passed by in every look-up to come.
        if (edge!.scalars.size === 0 && (edge!.composites?.size ?? 0) === 0) {
          if (before === undefined) node.edges = edge!.next
          else before.next = edge!.next
        }
      }
    }
    return node.series === undefined && node.edges === undefined
  }
}

function newNode(): Node {
  return { series: undefined, edges: undefined }
}

function isComposite(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function follow(edge: Edge, value: unknown): Node | undefined {
  return isComposite(value) ? edge.composites?.get(valueKey(value)) : edge.scalars.get(value)
}

function followOrAdd(edge: Edge, value: unknown): Node {
  const known = follow(edge, value)
  if (known !== undefined) return known
  const added = newNode()
  if (isComposite(value)) {
    edge.composites ??= new Map()
    edge.composites.set(valueKey(value), added)
  } else {
    edge.scalars.set(value, added)
  }
  return added
}
