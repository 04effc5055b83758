// CPU nanoseconds per call of one contender in one row, in a process of its own: node variant.mjs CONTENDER ROW
import { contenders } from './contenders.mjs'
import { median } from './median.mjs'
import { rows } from './rows.mjs'

const [contender, row] = process.argv.slice(2)
const WARM_UP_MILLIS = 70
const ROUNDS = 7
const ROUND_MILLIS = 20

const { options = {}, otel, prometheus } = rows[row]
const library = await contenders[contender](options)
const serve = library.meter ? otel(library) : prometheus(library)

function run(calls) {
  for (let i = 0; i < calls; i++) serve(i)
}

/** CPU time of the whole process with its GC threads, in ns. */
function cpuNanos(calls) {
  const before = process.cpuUsage()
  run(calls)
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000
}

/** Returns how many calls there were. */
function runFor(millis) {
  const end = performance.now() + millis
  let calls = 0
  for (; performance.now() < end; calls += 2000) run(2000)
  return calls
}

// Twice with a turn after each, so that the state on either side of a swap exists and is reset as it will be later.
for (let side = 0; side < 2; side++) {
  runFor(WARM_UP_MILLIS)
  await library.turn()
}
const calls = runFor(ROUND_MILLIS)
const rounds = Array.from({ length: ROUNDS }, () => cpuNanos(calls) / calls)
process.stdout.write(JSON.stringify(median(rounds)))
process.exit(0)
