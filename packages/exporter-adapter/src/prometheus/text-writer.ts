import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics'
import type { Exemplar } from '@otel-sluice/processor'
import { BucketBounds, isAnyNegative } from './bucket-bounds.ts'
import { commentsOf } from './comments.ts'
import type { Conflicts } from './conflicts.ts'
import { exemplarLabels, latestOf, latestWithin } from './exemplars.ts'
import type { Family } from './families.ts'
import { LabelBlocks, labelText } from './label-blocks.ts'
import type { Labels } from './labels.ts'
import { headOf, type LineHead, slackened, withoutSlack } from './line-head.ts'
import { NUMBER_BYTES, numberText, writeNumber } from './numbers.ts'
import { quotedLabelName } from './quoted-names.ts'
import type { ExplicitAggregation, SampleWriter, WrittenPoints } from './sample-writer.ts'
import { copyBytes, copyLong, isLong, SLACK_BYTES, type TextBody } from './text-body.ts'

const NEWLINE = 10
const BLANK = 32
const CLOSE = 125

const NO_EXEMPLARS: readonly Exemplar[] = []
const NO_BOUNDARIES: readonly number[] = []

/** What the lines of buckets have after their labels: `,le="…"} `, without the comma where there are none. */
interface BucketTails {
  readonly afterLabels: readonly DataView[]
  readonly alone: readonly DataView[]
  readonly longest: number
}

/**
 * The Prometheus text formats 0.0.4 and 1.0.0, and OpenMetrics 1.0: a family's lines, a series after the other.
 *
 * For each line the name and the labels are copied as bytes that were made before, and only the number is made anew.
 */
export class TextWriter implements SampleWriter {
  readonly #body: TextBody
  readonly #isOpenMetrics: boolean
  readonly #labels: Labels
  readonly #conflicts: Conflicts
  #blocks = new LabelBlocks()
  #sample = headOf('')
  #bucket = headOf('')
  #sum = headOf('')
  #count = headOf('')
  #created: LineHead | undefined
  /** What is made of them is below. */
  #boundaries: readonly number[] | undefined
  #bounds = new BucketBounds(NO_BOUNDARIES)
  #cells = new Float64Array(0)
  #tails: BucketTails = { afterLabels: [], alone: [], longest: 0 }

  /** @param labels for those of exemplars */
  constructor(body: TextBody, isOpenMetrics: boolean, labels: Labels, conflicts: Conflicts) {
    this.#body = body
    this.#isOpenMetrics = isOpenMetrics
    this.#labels = labels
    this.#conflicts = conflicts
  }

  begin(family: Family, blocks: LabelBlocks): void {
    const { name, type, sampleName } = family
    this.#blocks = blocks
    this.#boundaries = undefined
    this.#sample = headOf(sampleName)
    if (type === 'histogram') {
      this.#bucket = headOf(`${name}_bucket`)
      this.#sum = headOf(`${name}_sum`)
      this.#count = headOf(`${name}_count`)
    }
    const hasCreated = this.#isOpenMetrics && (type === 'counter' || type === 'histogram')
    this.#created = hasCreated ? headOf(`${name}_created`) : undefined
    this.#body.text(commentsOf(family, this.#isOpenMetrics))
  }

  scalars(blocks: Int32Array, points: WrittenPoints, from: number, to: number): void {
    if (this.#created !== undefined) {
      for (let i = from; i < to; i++) this.scalar(blocks[i]!, points, i, NO_EXEMPLARS)
      return
    }
    for (let i = from; i < to; ) {
      // As many as there is certainly room for.
      this.#body.reserve(this.#sample.open.length + this.#blocks.longest + 3 + NUMBER_BYTES)
      i = this.#plainLines(blocks, points, i, to)
    }
  }

  /** Writes lines until there is no room. This is what a scrape of many series spends its time with: all is at hand. */
  #plainLines(blocks: Int32Array, points: WrittenPoints, from: number, to: number): number {
    const body = this.#body
    const { chunk, view } = body
    const { openView, bare } = this.#sample
    const { bytes, view: labels, starts, longest } = this.#blocks
    const head = openView.byteLength - SLACK_BYTES
    const most = chunk.length - (head + longest + 3 + NUMBER_BYTES + SLACK_BYTES)
    let at = body.at
    let i = from
    for (; i < to && at <= most; i++) {
      const block = blocks[i]!
      const start = starts[block]!
      const length = starts[block + 1]! - start
      if (length === 0) {
        at = copyLong(bare, 0, bare.length, chunk, at)
      } else {
        for (let k = 0; k < head; k += 4) view.setInt32(at + k, openView.getInt32(k, true), true)
        at += head
        if (isLong(length)) copyLong(bytes, start, length, chunk, at)
        else for (let k = 0; k < length; k += 4) view.setInt32(at + k, labels.getInt32(start + k, true), true)
        at += length
        chunk[at] = CLOSE
        chunk[at + 1] = BLANK
        at += 2
      }
      at = writeNumber(chunk, at, points.numberOf(i))
      chunk[at++] = NEWLINE
    }
    body.at = at
    return i
  }

  scalar(block: number, points: WrittenPoints, index: number, exemplars: readonly Exemplar[]): void {
    const value = points.numberOf(index)
    if (this.#created === undefined) {
      this.#line(this.#sample, block, value)
      return
    }
    if (!(value >= 0)) {
      this.#leaveOut(points, index, 'a counter is a number of 0 or more')
      return
    }
    this.#line(this.#sample, block, value)
    const latest = latestOf(exemplars)
    if (latest !== undefined) this.#exemplar(latest)
    this.#line(this.#created, block, points.startUnixMicrosOf(index) / 1e6)
  }

  histogram(block: number, points: WrittenPoints, index: number, exemplars: readonly Exemplar[]): void {
    const { boundaries } = points.stream.aggregation as ExplicitAggregation
    if (boundaries !== this.#boundaries) this.#use(boundaries)
    const cells = this.#cells
    points.histogramInto(index, cells)
    this.#bounds.gather(cells)
    const { bounds } = this.#bounds
    if (this.#isOpenMetrics && isAnyNegative(cells, bounds.length + 1)) {
      this.#leaveOut(points, index, 'a bucket has a negative count')
      return
    }
    const count =
      exemplars.length === 0 || !this.#isOpenMetrics
        ? this.#buckets(block, bounds.length + 1, cells)
        : this.#bucketsWith(exemplars, block, cells)
    const sum = cells[bounds.length + 1]!
    this.#sumAndCount(block, Object.is(sum, -0) ? undefined : sum, count, points, index)
  }

  /** The text formats have no native histograms: as from the official clients, one with no bucket but the last. */
  exponential(block: number, points: WrittenPoints, index: number, exemplars: readonly Exemplar[]): void {
    if (this.#boundaries !== NO_BOUNDARIES) this.#use(NO_BOUNDARIES)
    const { count, sum } = points.valueOf(index) as ExponentialHistogram
    if (this.#isOpenMetrics && !(count >= 0)) {
      this.#leaveOut(points, index, 'a bucket has a negative count')
      return
    }
    this.#bucketsWith(this.#isOpenMetrics ? exemplars : NO_EXEMPLARS, block, [count])
    this.#sumAndCount(block, sum, count, points, index)
  }

  end(): void {}

  /** @returns the count of all buckets */
  #buckets(block: number, lines: number, cells: Float64Array): number {
    const body = this.#body
    const { open, openView } = this.#bucket
    const { bytes, view: labels, starts } = this.#blocks
    const start = starts[block]!
    const labelBytes = starts[block + 1]! - start
    const prefix = open.length + labelBytes
    const { afterLabels, alone, longest } = this.#tails
    const tails = labelBytes === 0 ? alone : afterLabels
    body.reserve(lines * (prefix + longest + NUMBER_BYTES + 1))
    const { chunk, view } = body
    const first = body.at
    let at = copyBytes(openView, 0, open.length, view, first)
    at = isLong(labelBytes)
      ? copyLong(bytes, start, labelBytes, chunk, at)
      : copyBytes(labels, start, labelBytes, view, at)
    let count = 0
    for (let i = 0; i < lines; i++) {
      if (i > 0)
        at = isLong(prefix) ? copyLong(chunk, first, prefix, chunk, at) : copyBytes(view, first, prefix, view, at)
      const tail = tails[i]!
      at = copyBytes(tail, 0, tail.byteLength - SLACK_BYTES, view, at)
      count += cells[i]!
      at = writeNumber(chunk, at, count)
      chunk[at++] = NEWLINE
    }
    body.at = at
    return count
  }

  #bucketsWith(exemplars: readonly Exemplar[], block: number, cells: ArrayLike<number>): number {
    const body = this.#body
    const { bounds } = this.#bounds
    const { bytes, starts } = this.#blocks
    const { afterLabels, alone } = this.#tails
    const isBare = starts[block] === starts[block + 1]
    let count = 0
    for (let i = 0; i <= bounds.length; i++) {
      count += cells[i]!
      body.append(this.#bucket.open)
      body.append(bytes.subarray(starts[block], starts[block + 1]))
      body.append(withoutSlack((isBare ? alone : afterLabels)[i]!))
      const low = i === 0 ? Number.NEGATIVE_INFINITY : bounds[i - 1]!
      const exemplar = latestWithin(exemplars, low, bounds[i] ?? Number.POSITIVE_INFINITY)
      body.text(`${numberText(count)}${exemplar === undefined ? '' : this.#exemplarText(exemplar)}\n`)
    }
    return count
  }

  #sumAndCount(block: number, sum: number | undefined, count: number, points: WrittenPoints, index: number): void {
    // OpenMetrics 1.0, "Histogram": a sum is a counter, there where no value may be negative, and then with a count.
    const hasBoth = sum !== undefined && sum >= 0 && !this.#bounds.areNegative
    if (!this.#isOpenMetrics || hasBoth) {
      if (sum !== undefined) this.#line(this.#sum, block, sum)
      this.#line(this.#count, block, count)
    }
    if (this.#created !== undefined) this.#line(this.#created, block, points.startUnixMicrosOf(index) / 1e6)
  }

  #leaveOut(points: WrittenPoints, index: number, reason: string): void {
    this.#conflicts.leftOut(points.series[index]!, 'OpenMetrics', reason)
  }

  #line({ open, openView, bare }: LineHead, block: number, value: number): void {
    const body = this.#body
    const { bytes, view: labels, starts } = this.#blocks
    const start = starts[block]!
    const length = starts[block + 1]! - start
    body.reserve(open.length + length + 3 + NUMBER_BYTES)
    const { chunk, view } = body
    let at: number
    if (length === 0) {
      at = copyLong(bare, 0, bare.length, chunk, body.at)
    } else {
      at = copyBytes(openView, 0, open.length, view, body.at)
      at = isLong(length) ? copyLong(bytes, start, length, chunk, at) : copyBytes(labels, start, length, view, at)
      chunk[at++] = CLOSE
      chunk[at++] = BLANK
    }
    at = writeNumber(chunk, at, value)
    chunk[at++] = NEWLINE
    body.at = at
  }

  /** Of the line that was written last. */
  #exemplar(exemplar: Exemplar): void {
    this.#body.at--
    this.#body.text(`${this.#exemplarText(exemplar)}\n`)
  }

  #exemplarText(exemplar: Exemplar): string {
    const labels = labelText(exemplarLabels(exemplar, this.#labels), quotedLabelName)
    return ` # {${labels}} ${numberText(exemplar.value)} ${numberText(exemplar.timeUnixMicros / 1e6)}`
  }

  #use(boundaries: readonly number[]): void {
    this.#boundaries = boundaries
    this.#bounds = new BucketBounds(boundaries)
    this.#cells = new Float64Array(boundaries.length + 2)
    const texts = [...this.#bounds.bounds, Number.POSITIVE_INFINITY].map((bound) => `le="${this.#boundText(bound)}"} `)
    const afterLabels = texts.map((text) => slackened(`,${text}`))
    const longest = Math.max(...afterLabels.map(({ byteLength }) => byteLength))
    this.#tails = { afterLabels, alone: texts.map(slackened), longest }
  }

  /** OpenMetrics wants to see that it is not an integer. */
  #boundText(bound: number): string {
    const text = numberText(bound)
    return this.#isOpenMetrics && /^-?\d+$/.test(text) ? `${text}.0` : text
  }
}
