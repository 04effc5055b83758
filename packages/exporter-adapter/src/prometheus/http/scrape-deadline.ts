/** How a scraper says how long it waits, in seconds: Prometheus sends it with every scrape. */
export const TIMEOUT_HEADER = 'x-prometheus-scrape-timeout-seconds'

/** Seconds as Go prints them: no sign and no exponent. Longer than 11 days is taken for a mistake. */
const SECONDS = /^\d{1,6}(?:\.\d{1,20})?$/
/** What is kept back for the way, in parts of what the scraper waits: it counts until the last byte is there. */
const SHARE_FOR_TRANSFER = 0.1
/** Least that is kept back, in ms, since a round trip does not get shorter with the time-out. */
const LEAST_FOR_TRANSFER_MILLIS = 100

/**
 * How long a scrape may take, in ms: what the scraper waits without a tenth of it, but at least 100 ms, for the transfer.
 * Where that would be most of the time, half of it is left. A header that makes no sense is not there.
 *
 * @param header the value of {@link TIMEOUT_HEADER}
 * @param mostMillis how long it may take, whatever the scraper says
 */
export function scrapeMillis(header: string | string[] | undefined, mostMillis: number): number {
  if (typeof header !== 'string' || !SECONDS.test(header)) return mostMillis
  const waitsMillis = Number(header) * 1000
  if (waitsMillis <= 0) return mostMillis
  const transferMillis = Math.max(waitsMillis * SHARE_FOR_TRANSFER, LEAST_FOR_TRANSFER_MILLIS)
  return Math.min(mostMillis, Math.max(waitsMillis - transferMillis, waitsMillis / 2))
}
