import type { AttachedReader } from '@otel-sluice/processor'
import type { DeliveryCounts } from '../delivery-counts.ts'
import { settlesWithin } from '../settles-within.ts'
import { Conflicts } from './conflicts.ts'
import type { EndpointSettings } from './endpoint-options.ts'
import type { Scrape, ScrapeAnswer } from './http/scrape-answer.ts'
import { acceptsGzip, type Negotiated, negotiate } from './negotiation.ts'
import { RenderingRoom } from './rendering-room.ts'
import type { Rounds, Shared } from './rounds.ts'
import { ChunkPool } from './text-body.ts'
import { Variant } from './variant.ts'

/** After how long without a scrape the labels that were made for a format are forgotten, in ms. */
const FORGET_AFTER_MILLIS = 15 * 60_000
/** Time that is kept for a rendering and its compression, beside twice what the last ones took, in ms. */
const MARGIN_MILLIS = 50

/**
 * Answers scrapes: one turn and one rendering for all who wait for the same format (see rounds.ts).
 *
 * A round that is not over in time is not waited for: the view is served as the last turn left it. What is not compressed in
 * time is served as it is.
 */
export class Scrapes {
  readonly #settings: EndpointSettings
  readonly #counts: DeliveryCounts
  /** What was said of conflicts. */
  readonly #said = new Set<string>()
  readonly #pool = new ChunkPool()
  readonly #room: RenderingRoom
  readonly #variants = new Map<string, Variant>()
  #reader: AttachedReader | undefined

  /** @param whenFull called again and again while scrapes wait for memory that answers hold which nobody has released */
  constructor(settings: EndpointSettings, counts: DeliveryCounts, whenFull: () => void) {
    this.#settings = settings
    this.#counts = counts
    this.#room = new RenderingRoom(whenFull)
  }

  attach(reader: AttachedReader): void {
    this.#reader = reader
  }

  /** @throws Error that says why there is nothing to be had */
  readonly scrape: Scrape = async ({ accept, acceptEncoding, timeoutMillis }) => {
    const reader = this.#reader
    if (reader === undefined) {
      throw new Error('the reader is not registered: pass it to new MeterProvider({ readers: [reader] })')
    }
    this.#counts.attempts++
    try {
      const answer = await this.#answer(reader, performance.now() + timeoutMillis, accept, acceptEncoding)
      this.#counts.lastSuccessUnixMillis = Date.now()
      return answer
    } catch (error) {
      this.#counts.failed(error)
      throw error
    }
  }

  async #answer(
    reader: AttachedReader,
    deadlineMillis: number,
    accept: string | undefined,
    acceptEncoding: string | undefined,
  ): Promise<ScrapeAnswer> {
    const leftMillis = () => Math.max(0, deadlineMillis - performance.now())
    const negotiated = negotiate(accept)
    const variant = this.#variantFor(negotiated)
    const rounds = variant.rounds(acceptsGzip(acceptEncoding))
    const workMillis = 2 * (variant.lastMillis + rounds.compressionMillis) + MARGIN_MILLIS
    const { rendering: rendered, readers } = await this.#share(reader, rounds, leftMillis, workMillis)
    const rendering = await rendered
    await rounds.compressWithin(rendering, leftMillis())
    this.#counts.offeredPoints += rendering.points
    this.#counts.deliveredPoints += rendering.points
    const { chunks, bytes, isGzipped } = rendering.read()
    return {
      contentType: negotiated.contentType,
      ...(isGzipped && { contentEncoding: 'gzip' as const }),
      chunks,
      bytes,
      release: () => readers.leave(),
    }
  }

  /** @returns a rendering that is there, and has to be left */
  async #share(reader: AttachedReader, rounds: Rounds, leftMillis: () => number, workMillis: number): Promise<Shared> {
    const next = rounds.next(reader)
    if (await comesWithin(next, leftMillis() - Math.min(leftMillis() / 2, workMillis))) return next
    if (reader.cumulative.endUnixMicros === 0) {
      throw new Error('the first collection has not finished in time: a callback or a resource detector may hang')
    }
    const latest = rounds.latest(reader)
    if (await comesWithin(latest, leftMillis())) return latest
    throw new Error(
      this.#room.isFull
        ? 'answers that slow clients have not taken yet hold the memory that is needed for this one'
        : 'the scrape took longer than it may',
    )
  }

  #variantFor(negotiated: Negotiated): Variant {
    const { format, escaping } = negotiated
    const key = `${format} ${escaping}`
    let variant = this.#variants.get(key)
    if (variant === undefined) {
      variant = new Variant(negotiated, this.#settings.names, new Conflicts(this.#settings.name, this.#said), {
        pool: this.#pool,
        room: this.#room,
      })
      this.#variants.set(key, variant)
    }
    const oldest = performance.now() - FORGET_AFTER_MILLIS
    for (const [other, { usedMillis }] of this.#variants) {
      if (other !== key && usedMillis < oldest) this.#variants.delete(other)
    }
    return variant
  }
}

/** Whether there is a rendering by then. If not, it is left. */
async function comesWithin({ rendering, readers }: Shared, millis: number): Promise<boolean> {
  let isThere = false
  try {
    isThere = await settlesWithin(rendering, millis)
  } finally {
    if (!isThere) readers.leave()
  }
  return isThere
}
