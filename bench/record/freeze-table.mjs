import { runChild } from './child.mjs'
import { median } from './median.mjs'
import { printTable } from './print.mjs'

const AT_MOST_MILLIS = 0.1

/** How long a freeze takes with so many series touched. */
export function printFreezeTable(series) {
  const millis = runChild('freeze-time.mjs', [series], ['--expose-gc'])
  const worst = Math.max(...millis)
  const line = [
    `${series} series touched`,
    median(millis).toFixed(4),
    worst.toFixed(4),
    String(AT_MOST_MILLIS),
    worst < AT_MOST_MILLIS ? 'met' : 'missed',
  ]
  printTable(['freeze', 'median ms', 'longest ms', 'under', ''], [line], 1)
}
