import { runChild } from './child.mjs'
import { contenders } from './contenders.mjs'
import { printTable } from './print.mjs'

const AT_MOST = { counter: 170, histogram: 460 }

/** Where the attribute with the most values comes in a set: ours keep less of what comes before it. */
const ORDERS = ['last', 'middle']

/** Bytes per series, state of two generations and copied attributes included, the caller's own strings left out. */
export function printMemoryTable(series) {
  const lines = Object.entries(AT_MOST).flatMap(([kind, atMost]) =>
    ORDERS.flatMap((order) =>
      Object.keys(contenders).map((contender) => {
        const bytes = runChild('memory.mjs', [contender, kind, order, series], ['--expose-gc'])
        const target = contender === 'sluice' ? [String(atMost), bytes <= atMost ? 'met' : 'missed'] : ['', '']
        return [kind, order, contender, bytes.toFixed(0), ...target]
      }),
    ),
  )
  printTable(['bytes per series', 'most values come', 'contender', 'bytes', 'at most', ''], lines)
}
