import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const fileIn = (folder) => join(folder, 'arrived')

export function pointsOf({ scopeMetrics }) {
  return scopeMetrics.flatMap(({ metrics }) => metrics.flatMap(({ dataPoints }) => dataPoints))
}

/** Takes a batch in: it is on record before the exporter goes on, whatever becomes of the process. */
export function receive(folder, metrics, running) {
  const lines = pointsOf(metrics).map(({ attributes, startTime, endTime, value }) => {
    return `${JSON.stringify({ window: `${attributes.series} ${startTime} ${endTime}`, value, running })}\n`
  })
  appendFileSync(fileIn(folder), lines.join(''))
}

/** What came in: each window of a series once, what came with a window that was known, and the most calls at once. */
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
