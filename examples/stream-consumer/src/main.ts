// Counts and times one stream of messages in two ways. Another seed gives another run: npm start -- 7

import { compare, lostOf, type Result } from './comparison.ts'
import { totalOf } from './totals.ts'

const seed = Number(process.argv[2] ?? 1)
if (!Number.isInteger(seed)) {
  console.error(`The seed must be a whole number, got '${process.argv[2]}'`)
  process.exit(1)
}
const options = { seed, messages: 5_000, flushEvery: 50, failureRate: 0.1 }
const { naive, sluice } = await compare(options)

const rows: [string, Result, string][] = [
  ['naive   messages', naive, 'messages'],
  ['naive   time (ms)', naive, 'millis'],
  ['Sluice  messages', sluice, 'messages'],
  ['Sluice  time (ms)', sluice, 'millis'],
]

console.log(`${options.messages} messages, a flush every ${options.flushEvery}, 1 call in 10 fails, seed ${seed}\n`)
print('', ['recorded', 'arrived', 'lost', 'repeated'])
for (const [title, result, kind] of rows) {
  const { recorded, arrived, repeated } = result
  print(title, [totalOf(recorded, kind), totalOf(arrived, kind), lostOf(result, kind), totalOf(repeated, kind)])
}
console.log(
  `\ncalls that failed: naive ${naive.failedCalls} of ${naive.calls}, Sluice ${sluice.failedCalls} of ${sluice.calls}`,
)

for (const [metric, recorded] of sluice.recorded) {
  const arrived = sluice.arrived.get(metric) ?? 0
  if (arrived === recorded) continue
  console.error(`Sluice: ${recorded} recorded in ${metric}, but ${arrived} arrived`)
  process.exitCode = 1
}

function print(title: string, columns: readonly (string | number)[]): void {
  console.log(title.padEnd(20) + columns.map((column) => String(column).padStart(10)).join(''))
}
