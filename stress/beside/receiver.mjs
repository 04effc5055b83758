import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const fileIn = (folder) => join(folder, 'arrived')

/** Takes a batch in: it is on record before the exporter goes on, whatever becomes of the process. */
export function receive(folder, { scopeMetrics }, running) {
  for (const { metrics } of scopeMetrics) {
    for (const { dataPoints } of metrics) {
      for (const { startTime, endTime, value } of dataPoints) {
        appendFileSync(fileIn(folder), `${JSON.stringify({ window: `${startTime} ${endTime}`, value, running })}\n`)
      }
    }
  }
}

/** What came in: each window once, what came with a window that was known, and the most calls at once. */
export function readArrived(folder) {
  const windows = new Set()
  const account = { arrived: 0, twice: 0, atOnce: 0 }
  const text = existsSync(fileIn(folder)) ? readFileSync(fileIn(folder), 'utf8') : ''
  for (const line of text.split('\n').filter(Boolean)) {
    const { window, value, running } = JSON.parse(line)
    if (windows.has(window)) account.twice += value
    else account.arrived += value
    windows.add(window)
    account.atOnce = Math.max(account.atOnce, running)
  }
  return account
}
