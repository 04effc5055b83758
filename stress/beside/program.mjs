// One life of the program: node program.mjs READER FAULT FOLDER LIFE
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { faults, INTERVAL, RECORDS_AT, readers, STEPS, temporality, VALUE } from './cases.mjs'
import { pointsOf, receive } from './receiver.mjs'

const [readerName, faultName, folder, lifeText] = process.argv.slice(2)
const fault = faults[faultName]
const { series = 1, shutdownMillis = 3_000, options = {} } = fault
const life = Number(lifeText)

let calls = 0
let running = 0
const inFlight = new Set()
/** As OTLP exporters do, for as long as their own time-out would let them. */
const waitForCalls = () => Promise.race([Promise.all(inFlight), sleep(1_000)])
let closing = false
const exporter = {
  selectAggregationTemporality: () => temporality,
  export(metrics, done) {
    running++
    const { promise, resolve } = Promise.withResolvers()
    inFlight.add(promise)
    const settle = (result) => {
      running--
      inFlight.delete(promise)
      resolve()
      done(result)
    }
    const call = {
      n: ++calls,
      points: pointsOf(metrics).length,
      life,
      intervals: (performance.now() - startedMillis) / INTERVAL,
      closing,
      take: () => receive(folder, metrics, running),
      done: settle,
    }
    try {
      fault.export(call)
    } catch (error) {
      running--
      inFlight.delete(promise)
      throw error
    }
  },
  forceFlush: waitForCalls,
  shutdown: waitForCalls,
}
const reader = readers[readerName](exporter, options, join(folder, 'spool'))
const counter = new MeterProvider({ readers: [reader] }).getMeter('beside').createCounter('counter')
const startedMillis = performance.now()
const untilInterval = (n) => sleep(startedMillis + n * INTERVAL - performance.now())

for (let step = 0; step < STEPS; step++) {
  await untilInterval(step + RECORDS_AT)
  for (let i = 0; i < series; i++) counter.add(VALUE, { series: i })
}
await untilInterval(STEPS + RECORDS_AT)
if (fault.isKilled && life === 1) {
  // What was recorded since the last turn would be lost with any of them.
  await sleep(2 * INTERVAL)
  process.send('ready to be killed')
  await sleep(60_000)
}
closing = true
await reader.shutdown({ timeoutMillis: shutdownMillis }).catch(() => {})
process.exit(0)
