import type { Scraped } from './application.ts'
import type { OpenMetricsParser } from './openmetrics-parser.ts'
import { promtoolCheck } from './promtool.ts'
import { DELIMITED_PROTOBUF, type Pushgateway, TEXT_0_0_4 } from './pushgateway.ts'

/** Those who know the formats. */
export interface Judges {
  readonly gateway: Pushgateway
  readonly parser: OpenMetricsParser
}

/** What is asked for, and who says whether the answer is right. */
export interface Format {
  readonly accept: string
  readonly contentType: RegExp
  /** Whether names that are not classic stay distinguishable, or all the same are made classic. */
  readonly escaping: 'default' | 'underscores' | 'dots' | 'values'
  readonly complaints: (body: Buffer, judges: Judges) => Promise<readonly string[]>
}

const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'

/**
 * Every format, with every escaping that makes names the way that the judges know: those of Debian 12 do not read names in
 * quotes yet, so that `allow-utf-8` has no judge here.
 */
export const FORMATS: readonly Format[] = [
  {
    accept: 'text/plain;version=0.0.4',
    escaping: 'default',
    contentType: /^text\/plain; ?version=0\.0\.4/,
    complaints: ofText,
  },
  ...(['underscores', 'dots', 'values'] as const).flatMap((escaping): Format[] => [
    {
      accept: `text/plain;version=1.0.0;escaping=${escaping}`,
      escaping,
      contentType: new RegExp(`^text/plain; ?version=1\\.0\\.0.*; ?escaping=${escaping}`),
      complaints: ofText,
    },
    {
      accept: `application/openmetrics-text;version=1.0.0;escaping=${escaping}`,
      escaping,
      contentType: new RegExp(`^application/openmetrics-text; ?version=1\\.0\\.0.*; ?escaping=${escaping}`),
      complaints: ofOpenMetrics,
    },
    {
      accept: `${PROTOBUF};escaping=${escaping}`,
      escaping,
      contentType:
        /^application\/vnd\.google\.protobuf; ?proto=io\.prometheus\.client\.MetricFamily; ?encoding=delimited/,
      complaints: ofProtobuf,
    },
  ]),
  {
    accept: 'application/openmetrics-text;version=1.0.0',
    escaping: 'default',
    contentType: /^application\/openmetrics-text; ?version=1\.0\.0/,
    complaints: ofOpenMetrics,
  },
  {
    accept: PROTOBUF,
    escaping: 'default',
    contentType:
      /^application\/vnd\.google\.protobuf; ?proto=io\.prometheus\.client\.MetricFamily; ?encoding=delimited/,
    complaints: ofProtobuf,
  },
]

/**
 * Labels that begin with two underscores are reserved, which the Pushgateway alone minds. Where names are escaped, they come
 * from names that are not: `dots` makes `__` of every `_`.
 */
const RESERVED = /^Pushgateway: .* has a label with an invalid name: __\w*$/

/** Whether only the Pushgateway minds, and only that a label is reserved. */
export function isOfReservedLabel(complaint: string): boolean {
  return RESERVED.test(complaint)
}

/** All that is wrong with an answer, by whoever finds it. */
export async function complaintsAbout(scraped: Scraped, format: Format, judges: Judges): Promise<readonly string[]> {
  const { contentType, body } = scraped
  const complaints = await format.complaints(body, judges)
  return format.contentType.test(contentType) ? complaints : [`it is called ${contentType}`, ...complaints]
}

async function ofText(body: Buffer, { gateway }: Judges): Promise<string[]> {
  const [{ errors }, refusal] = await Promise.all([promtoolCheck(body), gateway.push(body, TEXT_0_0_4)])
  return [...errors, ...(refusal === undefined ? [] : [`Pushgateway: ${refusal}`])]
}

async function ofOpenMetrics(body: Buffer, { parser }: Judges): Promise<string[]> {
  const complaint = await parser.complaintAbout(new TextDecoder('utf-8', { fatal: true }).decode(body))
  return complaint === undefined ? [] : [`OpenMetrics parser: ${complaint}`]
}

async function ofProtobuf(body: Buffer, { gateway }: Judges): Promise<string[]> {
  const refusal = await gateway.push(body, DELIMITED_PROTOBUF)
  return refusal === undefined ? [] : [`Pushgateway: ${refusal}`]
}
