import type { Attributes } from '@opentelemetry/api'
import type { AttachedReader } from '@otel-sluice/processor'
import type { Conflicts } from './conflicts.ts'
import type { EndpointNames } from './endpoint-options.ts'
import { Exposition } from './exposition.ts'
import type { Negotiated } from './negotiation.ts'
import { writeConflicts, writeTargetInfo } from './own-families.ts'
import { ProtobufSamples } from './protobuf-samples.ts'
import { Rendering } from './rendering.ts'
import { type ChunkPool, TextBody } from './text-body.ts'
import { TextWriter } from './text-writer.ts'

/** Everything in one format and escaping: rendered once for all who wait for the same. */
export class Variant {
  readonly #format: Negotiated['format']
  readonly #names: EndpointNames
  readonly #conflicts: Conflicts
  readonly #pool: ChunkPool
  readonly #exposition: Exposition
  #unbegun: { readonly rendering: Promise<Rendering>; readonly waiting: { count: number } } | undefined
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

  /** The view as it is after the drain under way, if any. Whoever gets it has to release it. */
  render(reader: AttachedReader): Promise<Rendering> {
    this.usedMillis = performance.now()
    if (this.#unbegun === undefined) {
      const waiting = { count: 0 }
      const rendering = reader.betweenDrains(async () => {
        this.#unbegun = undefined
        return new Rendering(await this.#write(reader), waiting.count)
      })
      this.#unbegun = { rendering, waiting }
    }
    this.#unbegun.waiting.count++
    return this.#unbegun.rendering
  }

  async #write(reader: AttachedReader): Promise<{ readonly body: TextBody; readonly points: number }> {
    const startedMillis = performance.now()
    const body = new TextBody(this.#pool)
    const { labels } = this.#exposition
    const isOpenMetrics = this.#format === 'openmetrics'
    const writer =
      this.#format === 'protobuf'
        ? new ProtobufSamples(body, this.#exposition, this.#conflicts)
        : new TextWriter(body, isOpenMetrics, labels)
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
