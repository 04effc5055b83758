// A program that records into an exporter that is down, or up, and ends in the way it is told. It runs on the built
// packages. On its standard output it says, a JSON value a line, what it has exported and where it has got to.

import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { DiagConsoleLogger, DiagLogLevel, diag } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'

const {
  way,
  spoolDirectory,
  receiver,
  temporality = 'DELTA',
  ticks = 0,
  timeoutMillis = 300,
} = JSON.parse(process.argv[2])
const SERIES = 20_000

diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN)

/** All of it, however little the pipe takes at a time. */
function say(value) {
  let rest = Buffer.from(`${JSON.stringify(value)}\n`)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

let isReady = false
let isEnding = false
let isUp = receiver === 'up'
const exporter = {
  selectAggregationTemporality: () => AggregationTemporality[temporality],
  export({ resource, scopeMetrics }, done) {
    if (receiver === 'flaps') isUp = !isUp
    if (!isUp) {
      if (isReady) say('refused at the end')
      // As exporters that go on trying by themselves.
      if (receiver === 'down for hours' && isEnding) setTimeout(() => {}, 3_600_000)
      done({ code: 1, error: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }) })
      return
    }
    const points = scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor, dataPoints }) => dataPoints.map(({ value }) => [descriptor.name, value])),
    )
    say({ exported: points, service: resource.attributes['service.name'] })
    done({ code: 0 })
  },
  forceFlush: async () => {},
  shutdown: async () => {},
}

// Before the reader listens: a listener that is called once must be seen all the same.
if (way === 'wait with a handler' || way === 'wait with handlers of both') {
  process.once('SIGTERM', async () => {
    say('handling')
    await once(process.stdin, 'data')
    process.exit(3)
  })
}

const adapter = new PushExporterAdapter(exporter, {
  name: 'receiver',
  retry: { initialBackoffMillis: 20, maxBackoffMillis: 20 },
  ...(spoolDirectory !== undefined && { spoolDirectory }),
})
let onFiltered = () => {}
const reader = new BufferingMetricReader({
  adapters: [adapter],
  exportIntervalMillis: 3_600_000,
  cardinalityLimits: { default: SERIES },
  flushOnExit: { timeoutMillis: way === 'replay' ? 10_000 : timeoutMillis },
  metricFilter: {
    testMetric: () => 'acceptPartial',
    testAttributes: () => {
      onFiltered()
      return 'accept'
    },
  },
})
const provider = new MeterProvider({ readers: [reader], resource: resourceFromAttributes({ 'service.name': 'shop' }) })
const counter = reader.buffer.getMeter('test').createCounter('recorded')
const sdkCounter = provider.getMeter('test').createCounter('recorded_by_the_sdk')

/** Holds the event loop for longer than a slice, so that the work under way gives way where it stands. */
function spendSlice() {
  for (const until = performance.now() + 5; performance.now() < until; );
}

/** 1 in a parcel that was sealed and refused, 10 in the open one, 100 in the buffer. */
async function recordEverywhere() {
  counter.add(1)
  await reader.forceFlush().catch(() => {})
  counter.add(10)
  await reader.flush()
  counter.add(100)
}

const ways = {
  async wait() {
    await recordEverywhere()
    if (receiver === 'back') isUp = true
    // What only the SDK holds cannot be collected without the event loop.
    sdkCounter.add(1000)
    const open = setInterval(() => {}, 1000)
    process.stdin.on('data', (data) => {
      if (String(data) === 'close') clearInterval(open)
      process.stdin.pause()
    })
    isReady = true
    say('ready')
  },
  'wait with a handler': () => ways.wait(),
  /** SIGINT asks for something harmless, after which more is recorded. */
  async 'wait with a handler of SIGINT'() {
    process.on('SIGINT', async () => {
      await reader.forceFlush()
      counter.add(10_000)
      say('went on')
    })
    await ways.wait()
  },
  'wait with handlers of both': () => ways['wait with a handler of SIGINT'](),
  /** A callback hangs, and with it the turn that the end waits for. */
  async 'wait in a callback'() {
    await reader.flush()
    counter.add(111)
    reader.buffer
      .getMeter('test')
      .createObservableGauge('hangs')
      .addCallback(() => new Promise(() => {}))
    process.stdin.resume()
    say('ready')
  },
  /** Another reader, that is done before this one. */
  async 'wait with another reader'() {
    const other = new BufferingMetricReader({ adapters: [new PushExporterAdapter({ ...exporter })], flushOnExit: true })
    new MeterProvider({ readers: [other] })
    await ways.wait()
  },
  async 'signal oneself when told'() {
    await recordEverywhere()
    isUp = true
    process.stdin.on('data', (data) => {
      if (String(data) === 'exit') process.exit(7)
      counter.add(10_000)
      process.kill(process.pid, 'SIGTERM')
    })
    say('ready')
  },
  async natural() {
    await recordEverywhere()
    if (receiver === 'back') isUp = true
    sdkCounter.add(1000)
    process.exitCode = 5
    isEnding = true
  },
  /** What the application does at its end takes longer than the shutdown. */
  async 'natural, with work at the end'() {
    process.once('beforeExit', () => {
      setTimeout(() => say('the work at the end is done'), 2 * timeoutMillis + 1_000)
    })
    await ways.natural()
  },
  async 'natural, with another reader'() {
    const slow = {
      ...exporter,
      export(_metrics, done) {
        setTimeout(() => {
          say('slow but sure')
          done({ code: 0 })
        }, 1_500)
      },
    }
    const other = new BufferingMetricReader({
      adapters: [new PushExporterAdapter(slow, { name: 'slow' })],
      flushOnExit: { timeoutMillis: 10_000 },
    })
    new MeterProvider({ readers: [other] })
    other.buffer.getMeter('test').createCounter('other').add(1)
    await ways.natural()
  },
  async exit() {
    await recordEverywhere()
    process.exit(7)
  },
  async throw() {
    await recordEverywhere()
    setImmediate(() => {
      throw new Error('the application is broken')
    })
  },
  async 'throw and survive'() {
    process.once('uncaughtException', () => {
      say('survived')
      isUp = true
      counter.add(1000)
    })
    await ways.throw()
  },
  async reject() {
    await recordEverywhere()
    void Promise.reject(new Error('the application is broken'))
  },
  /** The spool is open, and no turn has been. */
  async 'exit before the first turn'() {
    await adapter.persist()
    counter.add(111)
    process.exit(7)
  },
  async 'exit at once'() {
    counter.add(111)
    process.exit(7)
  },
  async 'exit amid a drain'() {
    await reader.flush()
    let absorbed = 0
    const absorb = adapter.absorb.bind(adapter)
    adapter.absorb = (series, generation) => {
      absorb(series, generation)
      if (++absorbed !== SERIES / 4) return
      setImmediate(() => {
        say({ absorbed })
        process.exit(7)
      })
      spendSlice()
    }
    for (let i = 0; i < SERIES; i++) counter.add(1, { i })
    await reader.flush()
  },
  async 'exit amid a fold'() {
    await reader.flush()
    let folded = 0
    for (let i = 0; i < SERIES; i++) sdkCounter.add(1, { i })
    onFiltered = () => {
      if (++folded !== SERIES / 4) return
      setImmediate(() => {
        say({ folded })
        process.exit(7)
      })
      spendSlice()
    }
    await reader.flush()
  },
  /** While things are recorded, flushed and delivered. */
  async 'exit after some ticks'() {
    await reader.flush()
    let recorded = 0
    let flushing = false
    for (let tick = 0; tick < ticks; tick++) {
      counter.add(1, { parity: tick % 2 })
      recorded++
      if (!flushing) {
        flushing = true
        const done = () => {
          flushing = false
        }
        reader.forceFlush().then(done, done)
      }
      // As long as a step of the spool, so that deliveries get on.
      await stat(import.meta.dirname)
    }
    say({ recorded })
    process.exit(7)
  },
  async replay() {},
}
await ways[way]()
