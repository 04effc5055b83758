// What a turn costs at 100,000 series, against the SDK's own collect() of the same data and against the stock reader
// into the same exporters. CPU time of the whole process, median of the rounds after a warm-up; one process per variant.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SERIES = Number(process.env.SLUICE_SERIES ?? 100_000)
const KINDS = ['counter', 'histogram', 'exponential']
const READERS = ['stock', 'sluice']
const variant = fileURLToPath(new URL('./flush/variant.mjs', import.meta.url))

console.log(`${SERIES} series, into a delta and a cumulative exporter that take everything and do nothing.`)
console.log('The stock pipeline needs a reader, and so a collection, for each of them.')
console.log(
  'CPU milliseconds a turn, GC included; holds of the event loop in ms of CPU time, GC pauses and collect() left out.',
)
console.log(
  "rest / collect(): against the SDK's collection for the delta exporter alone, and against those for both.\n",
)
const columns = [
  'kind',
  'reader',
  'collect() CPU',
  'rest CPU',
  'rest / collect()',
  'rest / both',
  'whole CPU',
  'sluice / stock',
  'collect() hold',
  'our longest hold',
  'longest GC',
]
const rows = []
for (const kind of KINDS) {
  let stockCpu = 0
  let stockCollectCpu = 0
  for (const reader of READERS) {
    const child = spawnSync(process.execPath, ['--expose-gc', variant, kind, reader, String(SERIES)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (child.status !== 0) throw new Error(`${kind} ${reader} ended with ${child.status}`)
    const { collectCpu, restCpu, collectHold, ownHold, gcPause } = JSON.parse(child.stdout)
    const wholeCpu = collectCpu + restCpu
    if (reader === 'stock') {
      stockCpu = wholeCpu
      stockCollectCpu = collectCpu
    }
    const fixed = (value) => value.toFixed(1)
    rows.push([
      kind,
      reader,
      fixed(collectCpu),
      fixed(restCpu),
      reader === 'stock' ? '' : `${(restCpu / collectCpu).toFixed(2)}x`,
      reader === 'stock' ? '' : `${(restCpu / stockCollectCpu).toFixed(2)}x`,
      fixed(wholeCpu),
      reader === 'stock' ? '' : `${(wholeCpu / stockCpu).toFixed(2)}x`,
      fixed(collectHold),
      fixed(ownHold),
      fixed(gcPause),
    ])
  }
}
const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i].length)))
for (const row of [columns, ...rows]) console.log(row.map((cell, i) => cell.padStart(widths[i])).join('  '))
