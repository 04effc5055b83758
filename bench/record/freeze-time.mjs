// Milliseconds of each freeze with every series touched, in a process of its own: node --expose-gc freeze-time.mjs SERIES
import { prepareFreeze } from './freeze.mjs'

const WARM_UP = 3
const ROUNDS = 11
const { touchAll, freeze, release } = prepareFreeze(Number(process.argv[2]))
const millis = []
for (let round = 0; round < WARM_UP + ROUNDS; round++) {
  touchAll()
  // Else the garbage of touching them could be collected in between.
  globalThis.gc()
  const start = performance.now()
  const frozen = freeze()
  const took = performance.now() - start
  if (round >= WARM_UP) millis.push(took)
  release(frozen)
}
process.stdout.write(JSON.stringify(millis))
process.exit(0)
