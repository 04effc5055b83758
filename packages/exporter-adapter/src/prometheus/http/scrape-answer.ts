/** What a scrape is answered with. */
export interface ScrapeAnswer {
  readonly contentType: string
  /** Set when the chunks are gzipped. */
  readonly contentEncoding?: 'gzip'
  readonly chunks: readonly Uint8Array[]
  /** Of all chunks. */
  readonly bytes: number
  /** Called exactly once when the response is over, however it ended: the chunks may be used again after it. */
  release(): void
}

/** Renders a scrape. Resolves within `timeoutMillis`, or rejects. */
export type Scrape = (wanted: {
  /** The headers as they came. */
  readonly accept: string | undefined
  readonly acceptEncoding: string | undefined
  readonly timeoutMillis: number
}) => Promise<ScrapeAnswer>
