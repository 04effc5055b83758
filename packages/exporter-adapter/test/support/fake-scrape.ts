import type { Scrape, ScrapeAnswer } from '../../src/prometheus/http/scrape-answer.ts'

type Wanted = Parameters<Scrape>[0]

/** A scrape that answers with what it is told to, when it is told to, and counts how often its answers are released. */
export class FakeScrape {
  readonly wanted: Wanted[] = []
  /** For each answer that was handed out, how often it was released. */
  readonly releases: number[] = []
  /** What is answered, anew for each scrape. */
  chunks: () => Uint8Array[] = () => [Buffer.from('orders_total '), Buffer.from('7\n')]
  /** What differs from a plain answer. */
  extras: Partial<ScrapeAnswer> = {}
  #gate: Promise<void> = Promise.resolve()

  /** Has scrapes wait from now on, until the function it returns is called. */
  hold(): () => void {
    let letGo = (): void => {}
    this.#gate = new Promise((resolve) => {
      letGo = resolve
    })
    return () => {
      this.#gate = Promise.resolve()
      letGo()
    }
  }

  readonly scrape: Scrape = async (wanted) => {
    this.wanted.push(wanted)
    const chunks = this.chunks()
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
    await this.#gate
    const each = this.releases.push(0) - 1
    return {
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      chunks,
      bytes,
      release: () => {
        this.releases[each]!++
      },
      ...this.extras,
    }
  }
}

/** More than the buffers of a connection take, however the kernel grows them; in memory it is one chunk. */
export function largeBody(): Uint8Array[] {
  return Array<Uint8Array>(64).fill(LARGE_CHUNK)
}

const LARGE_CHUNK = Buffer.alloc(1024 * 1024, 'x')
