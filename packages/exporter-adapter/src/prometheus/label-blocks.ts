import type { Series, StreamPoints } from '@otel-sluice/processor'
import type { Label } from './labels.ts'
import { SLACK_BYTES, viewOf } from './text-body.ts'

/** No block. */
const NONE = -1
/** Small: most families have few series, and there may be thousands of them. */
const FIRST_BYTES = 256
const FIRST_BLOCKS = 8

/**
 * The labels of a family's series as bytes, made once and kept: about the length of the text and 35 bytes for each. All lines
 * of a histogram share one block, and series whose labels come to the same text share one, too, which is how they are found.
 *
 * INVARIANT: `sharers` of a block counts the rows that have it, also those of series that are no longer there until their row
 * is used again: more than one means that it has to be looked at.
 */
export class LabelBlocks {
  bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES)
  /** Of the same bytes. */
  view = viewOf(this.bytes)
  /** Where each block begins; the next one begins where it ends. */
  starts = new Uint32Array(FIRST_BLOCKS)
  #sharers = new Uint32Array(FIRST_BLOCKS)
  /** Of the text of each: to make all of them again while the table grows would hold the event loop. */
  #hashes = new Int32Array(FIRST_BLOCKS)
  /** Bytes of the longest one. */
  longest = 0
  #count = 0
  /** How many rows have a block that another one had before. */
  #shares = 0
  /** Open addressing by the hash of the text: a block's number + 1, or 0. */
  #table = new Int32Array(2 * FIRST_BLOCKS)
  #streams: RowBlocks[] = []

  get count(): number {
    return this.#count
  }

  /** Of another stream of the family. */
  addStream(): RowBlocks {
    const rows = new RowBlocks(this)
    this.#streams.push(rows)
    return rows
  }

  /** Whether any of them {@link isShared}. */
  get hasShared(): boolean {
    return this.#shares > 0
  }

  isShared(block: number): boolean {
    return this.#sharers[block]! > 1
  }

  /** @internal The block of this text, made if it is new. */
  intern(text: string): number {
    const start = this.starts[this.#count]!
    const room = start + 3 * text.length + SLACK_BYTES
    if (room > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.bytes.length, room))
      this.bytes.copy(larger, 0, 0, start)
      this.bytes = larger
      this.view = viewOf(larger)
    }
    const end = start + this.bytes.write(text, start, 'utf8')
    this.longest = Math.max(this.longest, end - start)
    const mask = this.#table.length - 1
    const hash = this.#hash(start, end)
    let at = hash & mask
    for (; this.#table[at] !== 0; at = (at + 1) & mask) {
      const block = this.#table[at]! - 1
      if (this.#hashes[block] === hash && this.#isEqual(block, start, end)) return this.#share(block)
    }
    const block = this.#count++
    this.#table[at] = block + 1
    this.#hashes[block] = hash
    if (this.#count + 1 >= this.starts.length) this.#growColumns()
    this.starts[this.#count] = end
    if (2 * this.#count > this.#table.length) this.#rehash()
    return this.#share(block)
  }

  /** @internal A row has it no more. */
  leave(block: number): void {
    if (this.#sharers[block]!-- > 1) this.#shares--
  }

  /** Forgets everything once most of it is of series that are gone. @param live how many there are */
  tidyUp(live: number): void {
    if (this.#count < 2 * live + 1024) return
    this.#count = 0
    this.#shares = 0
    this.#table.fill(0)
    this.#sharers.fill(0)
    for (const rows of this.#streams) rows.clear()
  }

  #share(block: number): number {
    if (this.#sharers[block]!++ > 0) this.#shares++
    return block
  }

  #isEqual(block: number, start: number, end: number): boolean {
    const from = this.starts[block]!
    const to = this.starts[block + 1]!
    return to - from === end - start && this.bytes.compare(this.bytes, start, end, from, to) === 0
  }

  /** FNV-1a, 32 bits. */
  #hash(start: number, end: number): number {
    const { bytes } = this
    let hash = 0x811c9dc5
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    return hash ^ (hash >>> 15)
  }

  #growColumns(): void {
    const starts = new Uint32Array(2 * this.starts.length)
    starts.set(this.starts)
    this.starts = starts
    const sharers = new Uint32Array(starts.length)
    sharers.set(this.#sharers)
    this.#sharers = sharers
    const hashes = new Int32Array(starts.length)
    hashes.set(this.#hashes)
    this.#hashes = hashes
  }

  #rehash(): void {
    const table = new Int32Array(2 * this.#table.length)
    const mask = table.length - 1
    for (let block = 0; block < this.#count; block++) {
      let at = this.#hashes[block]! & mask
      while (table[at] !== 0) at = (at + 1) & mask
      table[at] = block + 1
    }
    this.#table = table
  }
}

/** The points of a stream, by place. */
type PlacedSeries = Pick<StreamPoints, 'series' | 'removals'>

/** Which block the series of one stream have. */
export class RowBlocks {
  readonly #blocks: LabelBlocks
  /** By row, and whose that row was then: it may be another series' by now. */
  #byRow = new Int32Array(0)
  #owners: (Series | undefined)[] = []
  /** By place among the points, up to {@link #known}: places change only when points are removed. */
  #byPlace = new Int32Array(0)
  #known = 0
  #points: PlacedSeries | undefined
  #removals = 0

  constructor(blocks: LabelBlocks) {
    this.#blocks = blocks
  }

  /** The block of each series that is known, by place. */
  get byPlace(): Int32Array {
    return this.#byPlace
  }

  /** Up to which place the blocks are known. */
  knownOf(points: PlacedSeries): number {
    if (points !== this.#points || points.removals !== this.#removals) {
      this.#points = points
      this.#removals = points.removals
      this.#known = 0
    }
    return this.#known
  }

  /**
   * Finds out the blocks up to a place; after {@link knownOf}.
   *
   * @param text of the labels of a series, asked for when they are not known
   */
  know({ series }: PlacedSeries, to: number, text: (series: Series) => string): void {
    for (; this.#known < to; this.#known++) {
      const each = series[this.#known]!
      const block = this.#owners[each.row] === each ? this.#byRow[each.row]! : this.#make(each, text)
      this.#byPlace = longEnough(this.#byPlace, this.#known)
      this.#byPlace[this.#known] = block
    }
  }

  /** @internal */
  clear(): void {
    this.#owners = []
    this.#byRow.fill(NONE)
    this.#points = undefined
  }

  #make(series: Series, text: (series: Series) => string): number {
    const { row } = series
    this.#byRow = longEnough(this.#byRow, row)
    // Filled, not skipped: an array with holes is slow for ever.
    while (this.#owners.length <= row) this.#owners.push(undefined)
    const before = this.#byRow[row]!
    if (before !== NONE) this.#blocks.leave(before)
    const block = this.#blocks.intern(text(series))
    this.#byRow[row] = block
    this.#owners[row] = series
    return block
  }
}

function longEnough(column: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> {
  if (index < column.length) return column
  const longer = new Int32Array(Math.max(2 * column.length, index + 1, 64)).fill(NONE)
  longer.set(column)
  return longer
}

/** Labels as all text formats write them, without braces. */
export function labelText(labels: readonly Label[], quoteName: (name: string) => string): string {
  return labels.map(([name, value]) => `${quoteName(name)}="${escapedLabelValue(value)}"`).join(',')
}

export function escapedLabelValue(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value
}
