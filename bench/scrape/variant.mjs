// One cell of the scrape table, in a process of its own: node [--expose-gc] variant.mjs PEER KIND integer|decimal SERIES ROUNDS WARM_UP
import { PerformanceObserver } from 'node:perf_hooks'
import { longestOutside, watchEventLoop } from '../flush/event-loop.mjs'
import { median } from '../record/median.mjs'
import { peers } from './peers.mjs'
import { attributesOf, measurement } from './recording.mjs'

const [peer, kind, values, seriesText, roundsText] = process.argv.slice(2)
const SERIES = Number(seriesText)
const ROUNDS = Number(roundsText)
/** As an endpoint is that has been scraped for some hours: small ones are compiled later. */
const WARM_UP = Number(process.argv[7])

const { record, prepare, scrape } = await peers[peer](kind, SERIES)
const attributes = attributesOf(SERIES)
const pauses = []
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) pauses.push([startTime, startTime + duration])
}).observe({ entryTypes: ['gc'] })

const cpu = []
const heap = []
let bytes = 0
let longestHoldMillis = 0
async function prepared(round) {
  for (let i = 0; i < SERIES; i++) record(measurement(values, i, round), attributes[i])
  await prepare()
  await new Promise((resolve) => setTimeout(resolve, 20))
}
for (let round = 0; round < WARM_UP + ROUNDS; round++) {
  await prepared(round)
  const pausesBefore = pauses.length
  const heapBefore = process.memoryUsage().heapUsed
  const cpuBefore = process.cpuUsage()
  bytes = await scrape()
  const { user, system } = process.cpuUsage(cpuBefore)
  const heapAfter = process.memoryUsage().heapUsed
  // The observer tells of collections a little later.
  await new Promise((resolve) => setTimeout(resolve, 5))
  if (round < WARM_UP) continue
  cpu.push((user + system) / 1000)
  // What a collection has freed meanwhile cannot be told.
  if (pauses.length === pausesBefore) heap.push((heapAfter - heapBefore) / SERIES)
}
// To watch the event loop costs time itself.
for (let round = 0; round < ROUNDS; round++) {
  await prepared(round)
  const loop = watchEventLoop()
  await scrape()
  const gaps = await loop.stop()
  await new Promise((resolve) => setTimeout(resolve, 5))
  longestHoldMillis = Math.max(longestHoldMillis, longestOutside(gaps, pauses))
}
process.stdout.write(
  JSON.stringify({
    cpuMillis: median(cpu),
    heapBytes: heap.length === 0 ? null : median(heap),
    bytes,
    longestHoldMillis,
  }),
)
process.exit(0)
