import type { Attributes } from '@opentelemetry/api'
import type { AttachedReader } from '@otel-sluice/processor'
import type { Conflicts } from './conflicts.ts'
import type { EndpointNames } from './endpoint-options.ts'
import { Exposition } from './exposition.ts'
import type { Negotiated } from './negotiation.ts'
import { writeConflicts, writeTargetInfo } from './own-families.ts'
import { ProtobufSamples } from './protobuf-samples.ts'
import type { Readers } from './readers.ts'
import { Rendering } from './rendering.ts'
import type { RenderingRoom } from './rendering-room.ts'
import { Rounds } from './rounds.ts'
import { type ChunkPool, TextBody } from './text-body.ts'
import { TextWriter } from './text-writer.ts'

/** Everything in one format and escaping. */
export class Variant {
  readonly #format: Negotiated['format']
  readonly #names: EndpointNames
  readonly #conflicts: Conflicts
  readonly #pool: ChunkPool
  readonly #exposition: Exposition
  readonly #room: RenderingRoom
  readonly #plain = new Rounds((reader, readers) => this.#render(reader, readers), false)
  readonly #gzipped = new Rounds((reader, readers) => this.#render(reader, readers), true)
  #lastBytes = 0
  /** How long the last rendering took, in ms. */
  lastMillis = 0
  /** When it was last asked for, in the time of `performance.now()`. */
  usedMillis = 0

  constructor(
    { format, escaping }: Negotiated,
    names: EndpointNames,
    conflicts: Conflicts,
    { pool, room }: { readonly pool: ChunkPool; readonly room: RenderingRoom },
  ) {
    this.#format = format
    this.#names = names
    this.#conflicts = conflicts
    this.#pool = pool
    this.#room = room
    this.#exposition = new Exposition({ ...names, escaping, isOpenMetrics: format === 'openmetrics' }, conflicts)
  }

  /** Those of its rounds whose scrapers take gzip, or the others. */
  rounds(isGzipped: boolean): Rounds {
    this.usedMillis = performance.now()
    return isGzipped ? this.#gzipped : this.#plain
  }

  async #render(reader: AttachedReader, readers: Readers): Promise<Rendering> {
    const place = await this.#room.take(this.#lastBytes)
    try {
      const rendering = await reader.betweenDrains(async () => {
        if (readers.areGone) throw new Error('nobody waits for it any more')
        return new Rendering(await this.#write(reader), readers, place)
      })
      this.#lastBytes = rendering.bytes
      return rendering
    } catch (error) {
      readers.close(() => {})
      place.leave()
      throw error
    }
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
