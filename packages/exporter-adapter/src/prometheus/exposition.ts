import type { Attributes } from '@opentelemetry/api'
import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { AttachedReader, Series, Stream, StreamPoints } from '@otel-sluice/processor'
import type { Conflicts } from './conflicts.ts'
import { type Family, familiesOf, type Naming, StreamNames } from './families.ts'
import { LabelBlocks, labelText, type RowBlocks } from './label-blocks.ts'
import { type Label, Labels, scopeAttributes } from './labels.ts'
import { quotedLabelName } from './quoted-names.ts'
import { type SampleWriter, writerOf } from './sample-writer.ts'
import { type SharedPoint, writeShared } from './shared-points.ts'

/** Points that are written at a time. After 32 times it is asked whether to give way, in protobuf after some 3 ms. */
const SCALARS_AT_ONCE = 32
const OTHERS_AT_ONCE = 4

export interface ExpositionSettings extends Naming {
  /** Whether every series says which scope it is of. */
  readonly scopeInfo: boolean
  /** What of the resource every series has as labels. */
  readonly constantLabels: (resource: Attributes) => Attributes
}

interface FamilyState {
  readonly family: Family
  readonly blocks: LabelBlocks
  readonly rows: ReadonlyMap<Stream, RowBlocks>
}

/**
 * All series of the cumulative view, by family, in the names of one format and escaping. What it works out once it keeps:
 * which streams make a family, and the labels of each series.
 */
export class Exposition {
  readonly labels: Labels
  readonly #settings: ExpositionSettings
  readonly #conflicts: Conflicts
  readonly #names: StreamNames
  /** What the families were made of. */
  #madeOf: readonly unknown[] = []
  #families: readonly FamilyState[] = []
  #constant: Attributes = {}
  /** Labels beside the attributes, by stream. */
  readonly #added = new Map<Stream, Attributes>()

  constructor(settings: ExpositionSettings, conflicts: Conflicts) {
    this.#settings = settings
    this.#conflicts = conflicts
    this.#names = new StreamNames(settings)
    this.labels = new Labels(settings.strategy, settings.escaping)
  }

  labelsOf({ stream, attributes }: Series): Label[] {
    let added = this.#added.get(stream)
    if (added === undefined) {
      const { scopeInfo, strategy, escaping } = this.#settings
      added = { ...this.#constant, ...(scopeInfo && scopeAttributes(stream.scope, strategy, escaping)) }
      this.#added.set(stream, added)
    }
    return this.labels.of(attributes, added, isScalar(stream) ? undefined : 'le')
  }

  /**
   * Writes all of it, in slices; to be called between drains.
   *
   * @param taken names of families that are written already
   * @returns how many points that were
   */
  async write(writer: SampleWriter, reader: AttachedReader, taken: readonly string[]): Promise<number> {
    const points = [...reader.cumulative.streams()].filter(({ size }) => size > 0)
    const constant = this.#settings.constantLabels(reader.resource.attributes as Attributes)
    const streams = points.map(({ stream }) => stream)
    await this.#arrange(streams, constant, taken, reader.inSlices)
    const byStream = new Map(points.map((each) => [each.stream, each]))
    let written = 0
    for (const state of this.#families) written += await this.#writeFamily(state, writer, reader, byStream)
    return written
  }

  async #writeFamily(
    { family, blocks, rows }: FamilyState,
    writer: SampleWriter,
    { cumulative, inSlices }: AttachedReader,
    byStream: ReadonlyMap<Stream, StreamPoints>,
  ): Promise<number> {
    const shared = new Map<number, SharedPoint[]>()
    blocks.tidyUp(family.streams.reduce((sum, stream) => sum + byStream.get(stream)!.size, 0))
    // Before anything is written: which series have the same labels is known only when all are.
    for (const stream of family.streams) {
      const points = byStream.get(stream)!
      const rowBlocks = rows.get(stream)!
      const from = rowBlocks.knownOf(points)
      await inSlices(points.size - from, (i) => rowBlocks.know(points, from + i + 1, this.#labelText))
    }
    writer.begin(family, blocks)
    let written = 0
    for (const stream of family.streams) {
      const points = byStream.get(stream)!
      const blocksOf = rows.get(stream)!.byPlace
      const write = writerOf(stream, writer)
      const { series } = points
      const each = isScalar(stream) ? SCALARS_AT_ONCE : OTHERS_AT_ONCE
      await inSlices(Math.ceil(points.size / each), (piece) => {
        const from = piece * each
        const to = Math.min(points.size, from + each)
        const isPlain = !blocks.hasShared && !cumulative.hasExemplars && areAllShown(cumulative, points, from, to)
        if (isPlain && isScalar(stream)) {
          writer.scalars(blocksOf, points, from, to)
          written += to - from
          return
        }
        for (let i = from; i < to; i++) {
          if (!cumulative.shows(points, i)) continue
          const block = blocksOf[i]!
          const exemplars = cumulative.exemplarsOf(series[i]!)
          if (blocks.isShared(block)) share(shared, block, { points, index: i, exemplars })
          else write(block, points, i, exemplars)
          written++
        }
      })
    }
    this.#conflicts.ofSeries(family, await writeShared(writer, shared, inSlices))
    writer.end()
    return written
  }

  readonly #labelText = (series: Series): string => labelText(this.labelsOf(series), quotedLabelName)

  async #arrange(
    streams: readonly Stream[],
    constant: Attributes,
    taken: readonly string[],
    inSlices: AttachedReader['inSlices'],
  ): Promise<void> {
    const descriptors = streams.map(({ descriptor }) => descriptor)
    const constantText = JSON.stringify(constant)
    const madeOf = [constantText, ...taken, ...streams, ...descriptors]
    if (madeOf.length === this.#madeOf.length && madeOf.every((each, i) => each === this.#madeOf[i])) return
    await inSlices(streams.length, (i) => this.#names.of(streams[i]!))
    const { families, conflicts } = familiesOf(streams, this.#names, taken)
    const isOfSameLabels = constantText === this.#madeOf[0]
    const before = new Map(isOfSameLabels ? this.#families.map((state) => [state.family.name, state]) : [])
    const arranged: FamilyState[] = []
    await inSlices(families.length, (i) => {
      const family = families[i]!
      const kept = before.get(family.name)
      if (kept !== undefined && family.streams.every((stream) => kept.rows.has(stream))) {
        arranged.push({ family, blocks: kept.blocks, rows: kept.rows })
        return
      }
      const blocks = new LabelBlocks()
      arranged.push({ family, blocks, rows: new Map(family.streams.map((stream) => [stream, blocks.addStream()])) })
    })
    this.#madeOf = madeOf
    this.#families = arranged
    this.#constant = constant
    this.#added.clear()
    this.#conflicts.ofNames(conflicts)
  }
}

function areAllShown(
  cumulative: AttachedReader['cumulative'],
  points: StreamPoints,
  from: number,
  to: number,
): boolean {
  // Only asynchronous ones may be hidden.
  if (!points.stream.isAsynchronous) return true
  for (let i = from; i < to; i++) if (!cumulative.shows(points, i)) return false
  return true
}

function isScalar({ aggregation }: Stream): boolean {
  return aggregation.type === DataPointType.SUM || aggregation.type === DataPointType.GAUGE
}

function share(shared: Map<number, SharedPoint[]>, block: number, point: SharedPoint): void {
  const points = shared.get(block)
  if (points === undefined) shared.set(block, [point])
  else points.push(point)
}
