import type { Server } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { Attributes } from '@opentelemetry/api'
import type { AggregationOption, InstrumentType } from '@opentelemetry/sdk-metrics'
import { report, UserCode } from '@otel-sluice/processor'
import { LONGEST_TIMER_MILLIS } from '../settles-within.ts'
import { shown } from '../shown.ts'
import type { Authorize } from './http/scrape-requests.ts'
import { TRANSLATION_STRATEGIES, type TranslationStrategy } from './names.ts'

/** Options of a {@link PrometheusEndpoint}. */
export interface PrometheusEndpointOptions {
  /** For stats, logs and errors. Default: `PrometheusEndpoint`. */
  readonly name?: string
  /** Where to listen. Default `OTEL_EXPORTER_PROMETHEUS_HOST`, else `localhost`. */
  readonly host?: string
  /** Default `OTEL_EXPORTER_PROMETHEUS_PORT`, else 9464; 0 is any that is free. */
  readonly port?: number
  /** The one path that is answered. Default `/metrics`. */
  readonly path?: string
  /**
   * A server to listen with, such as an `https.Server` with your certificate; or `false` for none, where
   * {@link PrometheusEndpoint.handler} is mounted in one that you have. Default: one of its own.
   */
  readonly server?: Server | SecureServer | false
  /** Whether a request may be answered; with 401 otherwise. Default: all may. */
  readonly authorize?: Authorize
  /** Put before all names, with an underscore. Default: nothing. */
  readonly prefix?: string
  /** What becomes of names. Default `UnderscoreEscapingWithSuffixes`. */
  readonly translationStrategy?: TranslationStrategy
  /** Whether series have the scope as `otel_scope_…` labels. Default true: without them, series of two scopes may meet. */
  readonly scopeInfoEnabled?: boolean
  /** Whether the resource is exposed as `target_info`. Default true. */
  readonly targetInfoEnabled?: boolean
  /** Keys of the resource that all series have as labels, or which of them. Default: none. */
  readonly resourceConstantLabels?: readonly string[] | ((key: string) => boolean)
  /** The aggregation for each instrument kind. Default: that of the SDK. */
  readonly aggregationSelector?: (kind: InstrumentType) => AggregationOption
  /** How long a scrape may take at most, in ms. A scraper that says how long it waits gets less. Default 10,000. */
  readonly scrapeTimeoutMillis?: number
  /** Most scrapes at a time; what is beyond is answered with 503. Default 100. */
  readonly maxConcurrentScrapes?: number
}

/** How names and labels are made. */
export interface EndpointNames {
  readonly prefix: string
  readonly strategy: TranslationStrategy
  readonly scopeInfo: boolean
  readonly targetInfo: boolean
  readonly constantLabels: (resource: Attributes) => Attributes
}

export interface EndpointSettings {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly path: string
  readonly scrapeTimeoutMillis: number
  readonly maxConcurrentScrapes: number
  readonly names: EndpointNames
}

/** @throws TypeError or RangeError that names the option and the value */
export function resolveEndpointOptions(options: PrometheusEndpointOptions): EndpointSettings {
  const { translationStrategy = 'UnderscoreEscapingWithSuffixes', prefix = '', path = '/metrics' } = options
  if (!TRANSLATION_STRATEGIES.includes(translationStrategy)) {
    throw new RangeError(
      `PrometheusEndpoint: translationStrategy must be one of ${TRANSLATION_STRATEGIES.join(', ')}, got ${shown(translationStrategy)}`,
    )
  }
  checkType('name', options.name, 'string')
  checkType('host', options.host, 'string')
  checkType('prefix', options.prefix, 'string')
  checkType('authorize', options.authorize, 'function')
  checkType('aggregationSelector', options.aggregationSelector, 'function')
  checkType('scopeInfoEnabled', options.scopeInfoEnabled, 'boolean')
  checkType('targetInfoEnabled', options.targetInfoEnabled, 'boolean')
  if (typeof path !== 'string' || !path.startsWith('/') || /[?#\s]/.test(path)) {
    throw new TypeError(`PrometheusEndpoint: path must begin with / and have no ?, # or blank, got ${shown(path)}`)
  }
  const { server } = options
  if (server !== undefined && server !== false && typeof server?.listen !== 'function') {
    throw new TypeError(
      `PrometheusEndpoint: server must be an http.Server, an https.Server or false, got ${shown(server)}`,
    )
  }
  return {
    name: options.name ?? 'PrometheusEndpoint',
    host: options.host ?? (process.env.OTEL_EXPORTER_PROMETHEUS_HOST?.trim() || 'localhost'),
    port: checkWhole('port', options.port, 0, 65_535) ?? portFromEnvironment() ?? 9464,
    path,
    scrapeTimeoutMillis:
      checkWhole('scrapeTimeoutMillis', options.scrapeTimeoutMillis, 1, LONGEST_TIMER_MILLIS) ?? 10_000,
    maxConcurrentScrapes: checkWhole('maxConcurrentScrapes', options.maxConcurrentScrapes, 1, 1_000_000) ?? 100,
    names: {
      prefix,
      strategy: translationStrategy,
      scopeInfo: options.scopeInfoEnabled ?? true,
      targetInfo: options.targetInfoEnabled ?? true,
      constantLabels: constantLabelsBy(options.resourceConstantLabels),
    },
  }
}

function constantLabelsBy(
  chosen: PrometheusEndpointOptions['resourceConstantLabels'] = [],
): (resource: Attributes) => Attributes {
  if (typeof chosen !== 'function' && !(Array.isArray(chosen) && chosen.every((key) => typeof key === 'string'))) {
    throw new TypeError(
      `PrometheusEndpoint: resourceConstantLabels must be a list of keys or a function, got ${shown(chosen)}`,
    )
  }
  const code = new UserCode('resourceConstantLabels', '; what it was asked about is no label')
  const isChosen =
    typeof chosen === 'function'
      ? (key: string) => code.ask(() => chosen(key), readChoice, false)
      : (key: string) => chosen.includes(key)
  return (resource) => Object.fromEntries(Object.entries(resource).filter(([key]) => isChosen(key)))
}

/** Anything but a promise, which says nothing yet. */
function readChoice(given: unknown): boolean | undefined {
  return typeof given === 'object' && given !== null && 'then' in given ? undefined : Boolean(given)
}

function checkType(option: string, value: unknown, type: string): void {
  if (value === undefined || typeof value === type) return
  throw new TypeError(`PrometheusEndpoint: ${option} must be a ${type}, got ${shown(value)}`)
}

function checkWhole(option: string, value: number | undefined, least: number, most: number): number | undefined {
  if (value === undefined) return undefined
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(
      `PrometheusEndpoint: ${option} must be a whole number from ${least} to ${most}, got ${shown(value)}`,
    )
  }
  return value
}

/** What is wrong in the environment is said and left out, as the OTel specification has it. */
function portFromEnvironment(): number | undefined {
  const text = process.env.OTEL_EXPORTER_PROMETHEUS_PORT?.trim()
  if (text === undefined || text === '') return undefined
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  report('warn', `sluice: OTEL_EXPORTER_PROMETHEUS_PORT of ${JSON.stringify(text)} is no port and is ignored`)
  return undefined
}
