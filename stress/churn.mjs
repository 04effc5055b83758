// Attributes that come and go for ever: node --expose-gc churn.mjs [TURNS]. Nine new series a turn at a limit of ten.
// Cumulative has to keep ten series and the overflow series, delta never to overflow, every count to arrive, and the heap
// to stay flat.
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

const TURNS = Number(process.argv[2] ?? 100_000)
const SAMPLES = 20
/** Flat means: the second half of the run grows by less than this per 1000 turns, which made 9000 series. */
const MOST_BYTES_PER_1000_TURNS = 4_096

/** Adds up what it is sent, and remembers nothing else. */
class Sink {
  delta = 0
  latest = new Map()
  overflowed = 0

  constructor(temporality) {
    this.temporality = temporality
  }

  selectAggregationTemporality() {
    return this.temporality
  }

  export({ scopeMetrics }, done) {
    const points = scopeMetrics[0].metrics[0].dataPoints
    for (const { attributes, value } of points) {
      this.delta += value
      if ('otel.metric.overflow' in attributes) this.overflowed++
    }
    this.latest = points
    done({ code: 0 })
  }

  async forceFlush() {}
  async shutdown() {}
}

diag.setLogger({ error: console.error, warn() {}, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ERROR)
const delta = new Sink(AggregationTemporality.DELTA)
const cumulative = new Sink(AggregationTemporality.CUMULATIVE)
const reader = new BufferingMetricReader({
  adapters: [new PushExporterAdapter(delta), new PushExporterAdapter(cumulative)],
  cardinalityLimits: { default: 10 },
})
const counter = new MeterProvider({ readers: [reader] }).getMeter('stress').createCounter('churn')

const heap = []
for (let turn = 1; turn <= TURNS; turn++) {
  for (let n = 0; n < 9; n++) counter.add(1, { turn, n })
  await reader.forceFlush()
  if (turn % Math.ceil(TURNS / SAMPLES) === 0) {
    globalThis.gc()
    heap.push([turn, process.memoryUsage().heapUsed])
  }
}

const slope = bytesPerTurn(heap.slice(heap.length / 2)) * 1000
const total = cumulative.latest.reduce((sum, { value }) => sum + value, 0)
const { series } = reader.stats()
const checks = [
  ['delta delivered every count', delta.delta, 9 * TURNS],
  ['delta never overflowed', delta.overflowed, 0],
  ['cumulative shows every count', total, 9 * TURNS],
  ['cumulative keeps ten series and the overflow series', cumulative.latest.length, 11],
  ['the reader knows no more than these and the last two generations', series <= 10 + 18, true],
  [`the heap is flat (${slope.toFixed(0)} bytes per 1000 turns)`, slope < MOST_BYTES_PER_1000_TURNS, true],
]
let failed = 0
for (const [what, is, wanted] of checks) {
  if (is !== wanted) failed++
  console.log(`${is === wanted ? 'ok ' : 'NOT OK '} ${what}${is === wanted ? '' : `: ${is} instead of ${wanted}`}`)
}
console.log(`${TURNS} turns, ${9 * TURNS} series, heap ${(heap.at(-1)[1] / 2 ** 20).toFixed(1)} MiB`)
process.exit(failed === 0 ? 0 : 1)

/** Least squares. */
function bytesPerTurn(samples) {
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length
  const turns = mean(samples.map(([turn]) => turn))
  const bytes = mean(samples.map(([, used]) => used))
  const covariance = mean(samples.map(([turn, used]) => (turn - turns) * (used - bytes)))
  return covariance / mean(samples.map(([turn]) => (turn - turns) ** 2))
}
