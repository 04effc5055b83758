import { AggregationTemporality, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

/** In each life of the program a counter grows by VALUE in each of so many intervals. */
export const STEPS = 10
export const VALUE = 100
export const INTERVAL = 200
const TIMEOUT = 100
const intervals = { exportIntervalMillis: INTERVAL, exportTimeoutMillis: TIMEOUT }

function ours(exporter, options = {}) {
  const retry = { initialBackoffMillis: 50, maxBackoffMillis: INTERVAL }
  return new BufferingMetricReader({
    ...intervals,
    adapters: [new PushExporterAdapter(exporter, { retry, ...options })],
  })
}

export const readers = {
  PeriodicExportingMetricReader: (exporter) => new PeriodicExportingMetricReader({ ...intervals, exporter }),
  ours: (exporter) => ours(exporter),
  'ours with a spool': (exporter, folder) => ours(exporter, { spoolDirectory: folder }),
}

const FAILED = { code: 1, error: new Error('the exporter failed') }
const SUCCESS = { code: 0 }
const later = (millis, work) => setTimeout(work, millis)

/**
 * What goes wrong: what the exporter does with its n-th call of this life, and how often the program is started.
 *
 * @typedef {{ n: number, life: number, closing: boolean, take: () => void, done: (result: object) => void }} Call
 */
export const faults = {
  'is well': { lives: 1, export: ({ take, done }) => answer(take, done) },
  'returns FAILED once': {
    lives: 1,
    export: ({ n, take, done }) => (n === 3 ? done(FAILED) : answer(take, done)),
  },
  'throws once': {
    lives: 1,
    export({ n, take, done }) {
      if (n === 3) throw FAILED.error
      answer(take, done)
    },
  },
  'returns FAILED once, though it had arrived': {
    lives: 1,
    export({ n, take, done }) {
      if (n !== 3) return answer(take, done)
      take()
      done(FAILED)
    },
  },
  'never calls back once': {
    lives: 1,
    export: ({ n, take, done }) => n !== 3 && answer(take, done),
  },
  'succeeds late once, after 1.5 time-outs': {
    lives: 1,
    export: ({ n, take, done }) => later(n === 3 ? 1.5 * TIMEOUT : 0, () => answer(take, done)),
  },
  'is always late, by 3 intervals': {
    lives: 1,
    export: ({ closing, take, done }) => later(closing ? 0 : 3 * INTERVAL, () => answer(take, done)),
  },
  'is slow, within its time-out': {
    lives: 1,
    export: ({ take, done }) => later(0.7 * TIMEOUT, () => answer(take, done)),
  },
  'fails until shutdown': {
    lives: 1,
    export: ({ closing, take, done }) => (closing ? answer(take, done) : done(FAILED)),
  },
  'is down past shutdown; the program starts again': {
    lives: 2,
    export: ({ life, take, done }) => (life === 1 ? done(FAILED) : answer(take, done)),
  },
  'is down until SIGKILL; the program starts again': {
    lives: 2,
    isKilled: true,
    export: ({ life, take, done }) => (life === 1 ? done(FAILED) : answer(take, done)),
  },
}

function answer(take, done) {
  take()
  done(SUCCESS)
}

export const temporality = AggregationTemporality.DELTA
