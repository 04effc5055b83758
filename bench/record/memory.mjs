// Bytes per series at many series, in a process of its own: node --expose-gc memory.mjs CONTENDER KIND ORDER SERIES
import { contenders } from './contenders.mjs'
import { attributeSets, BOUNDARIES, lastAttributeSets } from './data.mjs'

const [contender, kind, order, seriesText] = process.argv.slice(2)
const SERIES = Number(seriesText)
const labelNames = ['method', 'route', 'status']

/** One recording with these attributes, by a new instrument. */
function recorder({ meter, client, registers }, name) {
  if (meter) {
    const instrument = kind === 'counter' ? meter.createCounter(name) : meter.createHistogram(name)
    return kind === 'counter' ? (set) => instrument.add(1, set) : (set) => instrument.record(42, set)
  }
  const config = { name, help: name, labelNames, registers }
  const instrument =
    kind === 'counter' ? new client.Counter(config) : new client.Histogram({ ...config, buckets: BOUNDARIES })
  return kind === 'counter' ? (set) => instrument.inc(set, 1) : (set) => instrument.observe(set, 42)
}

/** In bytes. `external` has the array buffers in it. */
function memory() {
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const library = await contenders[contender]({ series: SERIES })
const sets = (order === 'last' ? lastAttributeSets : attributeSets)(SERIES)
const twoGenerations = async (record, some, times) => {
  for (let i = 0; i < times; i++) for (const set of some) record(set)
  await library.turn()
  for (let i = 0; i < times; i++) for (const set of some) record(set)
}

// The code compiled for a hundred series is the same as for all of them, and in the baseline.
await twoGenerations(recorder(library, 'warm_up'), sets.slice(0, 100), 200)
const record = recorder(library, 'measured')
const baseline = memory()
await twoGenerations(record, sets, 1)
await new Promise((resolve) => setTimeout(resolve, 20))
const bytes = memory() - baseline
process.stdout.write(JSON.stringify(bytes / sets.length))
process.exit(0)
