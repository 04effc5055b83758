import type { AttachedReader } from '@otel-sluice/processor'
import type { DeliveryCounts } from '../delivery-counts.ts'
import { settlesWithin } from '../settles-within.ts'
import { Conflicts } from './conflicts.ts'
import type { EndpointSettings } from './endpoint-options.ts'
import type { Scrape, ScrapeAnswer } from './http/scrape-answer.ts'
import { acceptsGzip, type Negotiated, negotiate } from './negotiation.ts'
import type { Rendering } from './rendering.ts'
import { ChunkPool } from './text-body.ts'
import { Variant } from './variant.ts'

/** After how long without a scrape the labels that were made for a format are forgotten, in ms. */
const FORGET_AFTER_MILLIS = 15 * 60_000
/** Time that is kept for a rendering, beside what the last one took, in ms. */
const MARGIN_MILLIS = 50

/**
 * Answers scrapes: one turn and one rendering for all who wait for the same format (see rounds.ts).
 *
 * A round that is not over in time is not waited for: the view is served as the last turn left it.
 */
export class Scrapes {
  readonly #settings: EndpointSettings
  readonly #counts: DeliveryCounts
  /** What was said of conflicts. */
  readonly #said = new Set<string>()
  readonly #pool = new ChunkPool()
  readonly #variants = new Map<string, Variant>()
  #reader: AttachedReader | undefined

  constructor(settings: EndpointSettings, counts: DeliveryCounts) {
    this.#settings = settings
    this.#counts = counts
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
      const negotiated = negotiate(accept)
      const deadlineMillis = performance.now() + timeoutMillis
      const isGzipped = acceptsGzip(acceptEncoding)
      const rendering = await this.#render(this.#variantFor(negotiated), reader, deadlineMillis, isGzipped)
      this.#counts.offeredPoints += rendering.points
      this.#counts.deliveredPoints += rendering.points
      this.#counts.lastSuccessUnixMillis = Date.now()
      return await answerOf(rendering, negotiated, isGzipped)
    } catch (error) {
      this.#counts.failed(error)
      throw error
    }
  }

  async #render(
    variant: Variant,
    reader: AttachedReader,
    deadlineMillis: number,
    isGzipped: boolean,
  ): Promise<Rendering> {
    const leftMillis = () => Math.max(0, deadlineMillis - performance.now())
    const reserveMillis = Math.min(leftMillis() / 2, 2 * variant.lastMillis + MARGIN_MILLIS)
    const next = variant.next(reader, isGzipped)
    if (await settlesWithin(next, leftMillis() - reserveMillis)) return next
    releaseLate(next)
    if (reader.cumulative.endUnixMicros === 0) {
      throw new Error('the first collection has not finished in time: a callback may hang')
    }
    const latest = variant.latest(reader)
    if (await settlesWithin(latest, leftMillis())) return latest
    releaseLate(latest)
    throw new Error('the scrape took longer than it may')
  }

  #variantFor(negotiated: Negotiated): Variant {
    const { format, escaping } = negotiated
    const key = `${format} ${escaping}`
    let variant = this.#variants.get(key)
    if (variant === undefined) {
      variant = new Variant(
        negotiated,
        this.#settings.names,
        new Conflicts(this.#settings.name, this.#said),
        this.#pool,
      )
      this.#variants.set(key, variant)
    }
    const oldest = performance.now() - FORGET_AFTER_MILLIS
    for (const [other, { usedMillis }] of this.#variants) {
      if (other !== key && usedMillis < oldest) this.#variants.delete(other)
    }
    return variant
  }
}

/** It comes all the same, to nobody. */
function releaseLate(rendering: Promise<Rendering>): void {
  rendering.then(
    (late) => late.release(),
    () => {},
  )
}

async function answerOf(rendering: Rendering, { contentType }: Negotiated, isGzipped: boolean): Promise<ScrapeAnswer> {
  const release = () => rendering.release()
  try {
    const chunks = isGzipped ? await rendering.gzipped() : rendering.parts
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
    return { contentType, ...(isGzipped && { contentEncoding: 'gzip' as const }), chunks, bytes, release }
  } catch (error) {
    release()
    throw error
  }
}
