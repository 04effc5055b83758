import { runChild } from './child.mjs'
import { printTable } from './print.mjs'

const FLAGS = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256']
const KINDS = ['counter', 'histogram', 'exponential']
const NUMBERS = ['integers', 'doubles']

/** What the loop and its timer allocate is seen as some hundredths; the smallest object, by every recording, as 12 or more. */
const NOISE_BYTES = 0.5

/** Heap bytes allocated per recording, over 1000 series, with attribute objects and numbers made before. */
export function printHeapTable() {
  const lines = []
  for (const kind of KINDS) {
    for (const binding of ['unbound', 'bound']) {
      for (const numbers of NUMBERS) {
        const measure = (contender) => runChild('heap.mjs', [contender, kind, binding, numbers], FLAGS).toFixed(2)
        const ours = measure('sluice')
        // The SDK has no bound instruments.
        const sdk = binding === 'bound' ? '' : measure('sdk 3.1')
        lines.push([`${kind}, ${binding}`, numbers, ours, sdk, '0', Number(ours) < NOISE_BYTES ? 'met' : 'missed'])
      }
    }
  }
  printTable(['heap bytes per record', 'values', 'sluice', 'sdk 3.1', 'at most', ''], lines)
}
