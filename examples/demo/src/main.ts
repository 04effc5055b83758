/**
 * A shop under real traffic sends its metrics through Sluice and through the stock reader, to receivers that fail in the
 * same way at the same time. At the end it says what became of every measurement. `--keep` keeps it running after that.
 */
import { Demo, SLUICE, STOCK } from './demo.ts'
import { MEASURED } from './measured.ts'
import { METRICS_PORT, SHOP_PORT, SLUICE_RECEIVER_PORT, STOCK_RECEIVER_PORT } from './ports.ts'
import { screenFor } from './screen.ts'
import { isExact } from './standing.ts'
import { tableOf, whole } from './table.ts'

/** The demo takes about 20 s; a machine on which it takes this long will not finish it. */
const LONGEST_MILLIS = 60_000
/** After Ctrl-C. */
const LONGEST_GOODBYE_MILLIS = 15_000

const OK = 0
const FAILED = 1
const WRONG_USAGE = 2
const INTERRUPTED = 130

const unknown = process.argv.slice(2).filter((word) => word !== '--keep' && word !== '--')
if (unknown.length > 0) {
  process.stderr.write(`demo: ${unknown.join(' ')}? The only option is --keep.\n`)
  process.exit(WRONG_USAGE)
}
const keeps = process.argv.includes('--keep')

const screen = screenFor(process.stdout)
const demo = new Demo(screen)
const interruption = new AbortController()
let watchingUntilInterrupted = false

function leave(code: number, ...words: string[]): never {
  screen.write(...words)
  demo.kill()
  process.exit(code)
}

function limit(millis: number, what: string): NodeJS.Timeout {
  return setTimeout(() => leave(FAILED, '', `The demo gives up: ${what} took longer than ${millis / 1_000} s.`), millis)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (watchingUntilInterrupted && !interruption.signal.aborted) interruption.abort()
    else leave(INTERRUPTED, '', 'Stopped.')
  })
}
process.on('exit', () => demo.kill())
process.on('uncaughtException', (error) => leave(FAILED, '', `The demo broke: ${error.message}`))
// Whoever read the output has gone.
process.stdout.on('error', () => process.exit(FAILED))
demo.broken.catch((error: Error) => leave(FAILED, '', `The demo broke: ${error.message.trim()}`))

async function run(): Promise<number> {
  const timeLimit = limit(LONGEST_MILLIS, 'it')
  screen.write(
    'A shop takes orders and records four metrics of its own, besides those of its HTTP server and its runtime.',
    'Sluice and the stock reader export them every 0.5 s with the same exporter, each to a receiver of its own.',
    'Both receivers fail in the same way at the same time. Intervals and time-outs are short, to be done in 20 s.',
    '',
  )
  await demo.start()
  introduce()
  await demo.runPhases()
  await demo.settle(keeps ? 'flush' : 'stop')
  let code = conclude(keeps ? 'after a flush' : 'after the shutdown')
  clearTimeout(timeLimit)
  if (keeps) {
    screen.write('', `Traffic goes on, and so does ${demo.service.metricsUrl}. Ctrl-C stops it all.`)
    demo.startTraffic()
    watchingUntilInterrupted = true
    await demo.watchUntil(interruption.signal)
    limit(LONGEST_GOODBYE_MILLIS, 'shutting down')
    await demo.settle('stop')
    code = conclude('after the shutdown')
  }
  await demo.end()
  return code
}

function introduce(): void {
  const { shopUrl, metricsUrl } = demo.service
  const wished: [string, number, string][] = [
    ['the shop', SHOP_PORT, shopUrl],
    ['/metrics', METRICS_PORT, metricsUrl],
    ['the receiver of Sluice', SLUICE_RECEIVER_PORT, demo.receiver(SLUICE).url],
    ['the receiver of the stock reader', STOCK_RECEIVER_PORT, demo.receiver(STOCK).url],
  ]
  for (const [who, port, url] of wished) {
    const got = Number(new URL(url).port)
    if (got !== port) screen.write(`Port ${port} is taken; ${who} is on ${got} instead.`)
  }
  screen.write(`Prometheus scrapes ${metricsUrl} from Sluice too: open it in the browser, also during an outage.`, '')
}

function conclude(when: string): number {
  const standings = demo.standings(true)
  const { [SLUICE]: sluice } = standings
  const names = demo.receiver(SLUICE).metricNames
  const others = names.filter((name) => !(MEASURED as readonly string[]).includes(name))
  screen.write('', `What became of every measurement, ${when}:`, '', ...tableOf(standings), '')
  screen.write(
    `Counted by the shop itself, and again by the receivers (${MEASURED.join(', ')}).`,
    `Besides these, Sluice delivered ${others.length} sums and histograms, such as ${examples(others)}.`,
  )
  const { complaint } = demo.service
  if (complaint !== undefined) screen.write(`The pipelines complained: ${complaint}`)
  if (isExact(sluice)) {
    screen.write(`Sluice delivered all ${whole(sluice.recorded)}, once each, and every sum agrees.`)
    return OK
  }
  screen.write(
    sluice.sumsAgree
      ? 'Sluice did NOT deliver every measurement once.'
      : 'Sluice did NOT deliver every measurement once: the sums of values differ.',
  )
  return FAILED
}

function examples(names: readonly string[]): string {
  return (
    names
      .filter((name) => /^(http|v8js|nodejs)\./.test(name))
      .slice(0, 2)
      .join(' and ') || 'none'
  )
}

run().then(
  // Written to a pipe, the last lines may still be on their way on some systems.
  (code) => process.stdout.write('', () => process.exit(code)),
  (error: Error) => leave(FAILED, '', `The demo broke: ${error.message}`),
)
