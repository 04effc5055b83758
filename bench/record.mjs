// What one recording costs, against the OTel SDKs and the Prometheus clients: CPU time per call, heap bytes per call,
// memory per series, and the freeze. One process per measurement. With a text, only the CPU rows that have it in their name:
// npm run bench -- record bound
import { printCpuTable } from './record/cpu-table.mjs'
import { printFreezeTable } from './record/freeze-table.mjs'
import { printHeapTable } from './record/heap-table.mjs'
import { printMemoryTable } from './record/memory-table.mjs'

const text = process.argv[2] ?? ''
const PROCESSES = Number(process.env.SLUICE_PROCESSES ?? 5)
const SERIES = Number(process.env.SLUICE_SERIES ?? 100_000)

console.log(`CPU nanoseconds a call, GC included: the median of ${PROCESSES} processes, each the median of 7 rounds.`)
console.log('A ratio is what the peer takes for one of ours, by pairs of processes: the median and the spread.\n')
printCpuTable(PROCESSES, text)
if (text === '') {
  console.log('\nSteady state, 1000 series; the attribute objects and numbers of the caller are made before.\n')
  printHeapTable()
  console.log(
    `\n${SERIES} series recorded in two generations; the attributes of the caller are not counted, copies are.\n`,
  )
  printMemoryTable(SERIES)
  console.log()
  printFreezeTable(SERIES)
}
