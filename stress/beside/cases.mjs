import { AggregationTemporality, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

/** In each life of the program every series of a counter grows by VALUE in each of so many intervals. */
export const STEPS = 10
export const VALUE = 100
/** In ms. Both readers export at whole intervals. What depends on time changes at least 125 ms away from them. */
export const INTERVAL = 500
const TIMEOUT = 200
/** When the program records within an interval, and when it shuts down after the last one, as shares of it. */
export const RECORDS_AT = 0.75
const SHUTDOWN_AT = STEPS + RECORDS_AT
const intervals = { exportIntervalMillis: INTERVAL, exportTimeoutMillis: TIMEOUT }

function ours(exporter, options) {
  return new BufferingMetricReader({ ...intervals, adapters: [new PushExporterAdapter(exporter, options)] })
}

export const readers = {
  PeriodicExportingMetricReader: (exporter) => new PeriodicExportingMetricReader({ ...intervals, exporter }),
  ours: (exporter, options) => ours(exporter, options),
  'ours with a spool': (exporter, options, folder) => ours(exporter, { ...options, spoolDirectory: folder }),
}

const FAILED = { code: 1, error: new Error('the exporter failed') }
const REFUSED = { code: 1, error: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }) }
const TOO_LARGE = { code: 1, error: Object.assign(new Error('Payload Too Large'), { code: 413 }) }
const SUCCESS = { code: 0 }
const MOST_POINTS = 5
const later = (millis, work) => setTimeout(work, millis)

/**
 * What goes wrong: what the exporter does with its n-th call of this life, and how often the program is started (once).
 *
 * @typedef {{
 *   n: number, points: number, life: number, intervals: number, closing: boolean, take: () => void, done: (result: object) => void
 * }} Call `intervals` is the time since this life began
 * @typedef {{
 *   export(call: Call): void, lives?: number, isKilled?: boolean, series?: number, shutdownMillis?: number, options?: object
 * }} Fault `options` are those of ours
 * @type {Record<string, Fault>}
 */
export const faults = {
  'is well': { export: answer },
  'returns FAILED once': {
    export: (call) => (call.n === 3 ? call.done(FAILED) : answer(call)),
  },
  'throws once': {
    export(call) {
      if (call.n === 3) throw FAILED.error
      answer(call)
    },
  },
  'returns FAILED once, though it had arrived': {
    export: (call) => (call.n === 3 ? takeAndFail(call) : answer(call)),
  },
  'returns FAILED each time, though it had arrived': { export: takeAndFail },
  'never calls back once': {
    export: (call) => call.n !== 3 && answer(call),
  },
  'never calls back, though it had arrived': { export: ({ take }) => take() },
  'hangs for three intervals, then is well': {
    export: (call) => !isBetween(2.5, call, 5.5) && answer(call),
  },
  'succeeds late once, after 1.5 time-outs': {
    export: (call) => later(call.n === 3 ? 1.5 * TIMEOUT : 0, () => answer(call)),
  },
  'is always late, by 3 intervals': {
    export: (call) => later(call.closing ? 0 : 3 * INTERVAL, () => answer(call)),
  },
  'is slow, within its time-out': {
    export: (call) => later(0.7 * TIMEOUT, () => answer(call)),
  },
  'is too slow for 13 calls in a row before the deadline of 400 ms': {
    series: 13,
    options: { maxExportBatchSize: 1 },
    shutdownMillis: 2 * TIMEOUT,
    export: (call) => later(0.7 * TIMEOUT, () => answer(call)),
  },
  'finds 13 points too large (HTTP 413)': {
    series: 13,
    export: (call) => (call.points > MOST_POINTS ? call.done(TOO_LARGE) : answer(call)),
  },
  'is refused until half an interval before shutdown': {
    export: (call) => (call.intervals < SHUTDOWN_AT - 0.5 ? call.done(REFUSED) : answer(call)),
  },
  'fails until shutdown': {
    export: (call) => (call.closing ? answer(call) : call.done(FAILED)),
  },
  'is refused, but for three intervals; the program starts again': {
    lives: 2,
    export: (call) => (call.life === 1 && !isBetween(5.5, call, 8.5) ? call.done(REFUSED) : answer(call)),
  },
  'is down past shutdown; the program starts again': {
    lives: 2,
    export: (call) => (call.life === 1 ? call.done(FAILED) : answer(call)),
  },
  'is down until SIGKILL; the program starts again': {
    lives: 2,
    isKilled: true,
    export: (call) => (call.life === 1 ? call.done(FAILED) : answer(call)),
  },
}

function answer({ take, done }) {
  take()
  done(SUCCESS)
}

function takeAndFail({ take, done }) {
  take()
  done(FAILED)
}

function isBetween(from, { intervals: now }, to) {
  return now >= from && now < to
}

export const temporality = AggregationTemporality.DELTA
