import { runChild } from './child.mjs'
import { contenders } from './contenders.mjs'
import { printTable } from './print.mjs'

const AT_MOST = { counter: 170, histogram: 460 }

/** Bytes per series, state of two generations and copied attributes included, the caller's own strings left out. */
export function printMemoryTable(series) {
  const lines = Object.entries(AT_MOST).flatMap(([kind, atMost]) =>
    Object.keys(contenders).map((contender) => {
      const bytes = runChild('memory.mjs', [contender, kind, series], ['--expose-gc'])
      const target = contender === 'sluice' ? [String(atMost), bytes <= atMost ? 'met' : 'missed'] : ['', '']
      return [kind, contender, bytes.toFixed(0), ...target]
    }),
  )
  printTable(['bytes per series', 'contender', 'bytes', 'at most', ''], lines)
}
