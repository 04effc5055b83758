import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/**
 * Collects garbage, turn by turn of the event loop, until what waits for it is true: finalizers run some turns later.
 * Returns whether it ever was.
 */
export async function garbageMakes(isTrue: () => boolean, mostTurns = 500): Promise<boolean> {
  for (let turn = 0; turn < mostTurns; turn++) {
    if (isTrue()) return true
    if (turn % 10 === 0) collectGarbage()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return isTrue()
}
