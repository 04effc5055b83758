// One life of the program: node program.mjs READER FAULT FOLDER LIFE
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { faults, INTERVAL, readers, STEPS, temporality, VALUE } from './cases.mjs'
import { receive } from './receiver.mjs'

const [readerName, faultName, folder, lifeText] = process.argv.slice(2)
const fault = faults[faultName]
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
    try {
      fault.export({ n: ++calls, life, closing, take: () => receive(folder, metrics, running), done: settle })
    } catch (error) {
      running--
      inFlight.delete(promise)
      throw error
    }
  },
  forceFlush: waitForCalls,
  shutdown: waitForCalls,
}
const reader = readers[readerName](exporter, join(folder, 'spool'))
const counter = new MeterProvider({ readers: [reader] }).getMeter('beside').createCounter('counter')

for (let step = 0; step < STEPS; step++) {
  counter.add(VALUE)
  await sleep(INTERVAL)
}
if (fault.isKilled && life === 1) {
  // What was recorded since the last turn would be lost with any of them.
  await sleep(2 * INTERVAL)
  process.send('ready to be killed')
  await sleep(60_000)
}
closing = true
await reader.shutdown({ timeoutMillis: 3_000 }).catch(() => {})
process.exit(0)
