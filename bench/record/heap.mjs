// Heap bytes that a recording allocates in steady state, in a process of its own: node --expose-gc
// --min-semi-space-size=256 --max-semi-space-size=256 heap.mjs CONTENDER KIND bound|unbound integers|doubles
import { PerformanceObserver } from 'node:perf_hooks'
import { contenders } from './contenders.mjs'
import { attributeSets, durations } from './data.mjs'
import { median } from './median.mjs'

const [contender, kind, binding, numbers] = process.argv.slice(2)
const SETS = 1000
const ROUNDS = 5

const library = await contenders[contender]({
  views: ({ AggregationType }) =>
    kind === 'exponential'
      ? [{ instrumentName: 'm', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }]
      : [],
})
const { meter } = library
const instrument = kind === 'counter' ? meter.createCounter('m') : meter.createHistogram('m')
const sets = attributeSets(SETS)
const bound = binding === 'bound' ? sets.map((set) => instrument.bind(set)) : []

// The caller's numbers are boxed before, as its attribute objects are made before: an array that once held something else
// than numbers keeps them as objects, and reading one from it allocates nothing.
const values = [undefined, ...durations.slice(1).map((each) => (numbers === 'integers' ? Math.round(each) : each))]
values[0] = numbers === 'integers' ? 1 : 0.25

const loops = {
  'counter unbound': (i) => instrument.add(values[i & 1023], sets[i % SETS]),
  'counter bound': (i) => bound[i % SETS].add(values[i & 1023]),
  'histogram unbound': (i) => instrument.record(values[i & 1023], sets[i % SETS]),
  'histogram bound': (i) => bound[i % SETS].record(values[i & 1023]),
}
const serve = loops[`${kind === 'counter' ? 'counter' : 'histogram'} ${binding}`]
function run(records) {
  for (let i = 0; i < records; i++) serve(i)
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 5))
let collections = 0
new PerformanceObserver((list) => {
  collections += list.getEntries().length
}).observe({ entryTypes: ['gc'] })

/** Undefined when a garbage collection ran meanwhile. */
async function bytesPerRecord(records) {
  globalThis.gc()
  // The observer tells of collections a little later.
  await pause()
  collections = 0
  const before = process.memoryUsage().heapUsed
  run(records)
  const after = process.memoryUsage().heapUsed
  await pause()
  return collections === 0 ? (after - before) / records : undefined
}

for (let side = 0; side < 2; side++) {
  run(100_000)
  await library.turn()
}
run(100_000)
let records = 400_000
const rounds = []
while (rounds.length < ROUNDS) {
  const bytes = await bytesPerRecord(records)
  if (bytes === undefined) records = Math.floor(records / 2)
  else rounds.push(bytes)
}
process.stdout.write(JSON.stringify(median(rounds)))
process.exit(0)
