import type { Attributes } from '@opentelemetry/api'
import type { AttachedReader } from '@otel-sluice/processor'
import type { Conflicts } from './conflicts.ts'
import type { EndpointNames } from './endpoint-options.ts'
import { Exposition } from './exposition.ts'
import type { Negotiated } from './negotiation.ts'
import { writeConflicts, writeTargetInfo } from './own-families.ts'
import { ProtobufSamples } from './protobuf-samples.ts'
import { Rendering } from './rendering.ts'
import { Rounds, type Waiting } from './rounds.ts'
import { type ChunkPool, TextBody } from './text-body.ts'
import { TextWriter } from './text-writer.ts'

/** Everything in one format and escaping. */
export class Variant {
  readonly #format: Negotiated['format']
  readonly #names: EndpointNames
  readonly #conflicts: Conflicts
  readonly #pool: ChunkPool
  readonly #exposition: Exposition
  readonly #plain = new Rounds((reader, waiting) => this.#render(reader, waiting), false)
  readonly #gzipped = new Rounds((reader, waiting) => this.#render(reader, waiting), true)
  /** How long the last rendering took, in ms. */
  lastMillis = 0
  /** When it was last asked for, in the time of `performance.now()`. */
  usedMillis = 0

  constructor({ format, escaping }: Negotiated, names: EndpointNames, conflicts: Conflicts, pool: ChunkPool) {
    this.#format = format
    this.#names = names
    this.#conflicts = conflicts
    this.#pool = pool
    this.#exposition = new Exposition({ ...names, escaping, isOpenMetrics: format === 'openmetrics' }, conflicts)
  }

  /** What there is after a turn that begins later than this. Whoever gets it has to release it. */
  next(reader: AttachedReader, isGzipped: boolean): Promise<Rendering> {
    this.usedMillis = performance.now()
    return (isGzipped ? this.#gzipped : this.#plain).next(reader)
  }

  /** What the last turn has left, for a scrape that cannot wait for another one. It has to be released. */
  latest(reader: AttachedReader): Promise<Rendering> {
    return this.#render(reader, { count: 1 })
  }

  #render(reader: AttachedReader, waiting: Waiting): Promise<Rendering> {
    return reader.betweenDrains(async () => new Rendering(await this.#write(reader), waiting.count))
  }

  async #write(reader: AttachedReader): Promise<{ readonly body: TextBody; readonly points: number }> {
    const startedMillis = performance.now()
    const body = new TextBody(this.#pool)
    const { labels } = this.#exposition
    const isOpenMetrics = this.#format === 'openmetrics'
    const writer =
      this.#format === 'protobuf'
        ? new ProtobufSamples(body, this.#exposition, this.#conflicts)
        : new TextWriter(body, isOpenMetrics, labels, this.#conflicts)
    const { attributes } = reader.resource
    this.#conflicts.begin()
    const taken = writeTargetInfo(body, this.#format, attributes as Attributes, labels, this.#names)
    const points = await this.#exposition.write(writer, reader, taken)
    writeConflicts(body, this.#format, this.#conflicts)
    if (isOpenMetrics) body.text('# EOF\n')
    this.lastMillis = performance.now() - startedMillis
    return { body, points }
  }
}
