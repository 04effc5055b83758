import { reasonOf } from '../../reason.ts'

/** An answer without metrics. */
export interface Refusal {
  readonly status: number
  /** One line that says why, for whoever looks at the targets of a scraper. */
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

export const CLOSED: Refusal = { status: 503, text: 'shutting down', headers: { Connection: 'close' } }

export const OTHER_PATH: Refusal = { status: 404, text: 'no metrics at this path' }

export const OTHER_METHOD: Refusal = { status: 405, text: 'only GET and HEAD', headers: { Allow: 'GET, HEAD' } }

export const WITH_BODY: Refusal = { status: 413, text: 'a scrape has no body' }

/** RFC 9110, section 11.6.1: there has to be a challenge. With Basic, browsers ask for a password. */
export const STRANGER: Refusal = {
  status: 401,
  text: 'not allowed',
  headers: { 'WWW-Authenticate': 'Basic realm="metrics"' },
}

export const UNDECIDED: Refusal = { status: 500, text: 'it could not be decided whether this is allowed' }

export function tooMany(scrapes: number): Refusal {
  return { status: 503, text: `${scrapes} scrapes are under way already`, headers: { 'Retry-After': '1' } }
}

/** Never 200: a scraper would take what there is for everything, and counters that are missing for gone. */
export function failed(error: unknown): Refusal {
  return { status: 503, text: reasonOf(error) }
}
