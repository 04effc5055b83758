import { ESCAPINGS, type Escaping } from './escaping.ts'

/** What a scraper gets. */
export interface Negotiated {
  readonly format: 'text' | 'openmetrics' | 'protobuf'
  readonly escaping: Escaping
  readonly contentType: string
}

interface MediaRange {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
  readonly quality: number
}

const PROTOBUF = 'application/vnd.google.protobuf'
const OPENMETRICS = 'application/openmetrics-text'
const TEXT = 'text/plain'

/**
 * The best of what the scraper accepts, in the order of its q-values and else as it named them; text 0.0.4 where it knows
 * nothing of ours (https://prometheus.io/docs/instrumenting/content_negotiation/). Names are escaped with underscores unless
 * it asks for something else, and always in text 0.0.4.
 */
export function negotiate(accept: string | undefined): Negotiated {
  const ranges = (accept ?? '')
    .split(',')
    .map(parseRange)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
  for (const range of ranges) {
    const offered = offerFor(range)
    if (offered !== undefined) return offered
  }
  return textOf('0.0.4', 'underscores')
}

/** Whether the scraper takes gzip (RFC 9110, 12.5.3). */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const ranges = (acceptEncoding ?? '').split(',').map(parseRange)
  const gzip =
    ranges.find(({ type }) => type === 'gzip' || type === 'x-gzip') ?? ranges.find(({ type }) => type === '*')
  return gzip !== undefined && gzip.quality > 0
}

function offerFor({ type, parameters }: MediaRange): Negotiated | undefined {
  const version = parameters.get('version')
  const escaping = escapingOf(parameters.get('escaping'))
  switch (type) {
    case PROTOBUF: {
      const isOurs =
        (parameters.get('proto') ?? 'io.prometheus.client.MetricFamily') === 'io.prometheus.client.MetricFamily' &&
        (parameters.get('encoding') ?? 'delimited') === 'delimited'
      if (!isOurs) return undefined
      const message = 'proto=io.prometheus.client.MetricFamily; encoding=delimited'
      return { format: 'protobuf', escaping, contentType: `${PROTOBUF}; ${message}; escaping=${escaping}` }
    }
    case OPENMETRICS: {
      // The text is the same; only 1.0.0 knows of escaping.
      if (version === '0.0.1') return openMetricsOf(version, 'underscores')
      return version === undefined || version === '1.0.0' ? openMetricsOf('1.0.0', escaping) : undefined
    }
    case TEXT:
      if (version === '1.0.0') return textOf(version, escaping)
      return version === undefined || version === '0.0.4' ? textOf('0.0.4', 'underscores') : undefined
    case 'text/*':
    case '*/*':
      return textOf('0.0.4', 'underscores')
    default:
      return undefined
  }
}

function textOf(version: string, escaping: Escaping): Negotiated {
  return { format: 'text', escaping, contentType: withCharset(TEXT, version, escaping) }
}

function openMetricsOf(version: string, escaping: Escaping): Negotiated {
  return { format: 'openmetrics', escaping, contentType: withCharset(OPENMETRICS, version, escaping) }
}

function withCharset(type: string, version: string, escaping: Escaping): string {
  return `${type}; version=${version}; charset=utf-8; escaping=${escaping}`
}

function escapingOf(asked: string | undefined): Escaping {
  return ESCAPINGS.find((each) => each === asked) ?? 'underscores'
}

function parseRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim())
  const parameters = new Map(
    rest.map((part): [string, string] => {
      const [name = '', value = ''] = part.split('=')
      return [name.trim().toLowerCase(), value.trim().replaceAll('"', '')]
    }),
  )
  const quality = Number(parameters.get('q') ?? 1)
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality }
}
