// What a scrape costs: CPU time of the rendering against the official serializer and @prometheus-io/client, heap bytes that it
// allocates, how long it holds the event loop, and how long many scrapers at once wait. One process per cell.
import { runChild } from './record/child.mjs'
import { median } from './record/median.mjs'
import { printTable } from './record/print.mjs'
import { measureParallel } from './scrape/parallel.mjs'

const SIZES = (process.env.SLUICE_SERIES ?? '1000,10000,100000').split(',').map(Number)
const PROCESSES = Number(process.env.SLUICE_PROCESSES ?? 3)
const KINDS = [
  ['counter', 'integer', 40],
  ['counter', 'decimal', 10],
  ['histogram', 'integer', 40],
  ['histogram', 'decimal', 10],
]
/** Allocations of one scrape do not fill it, so that no collection runs in it. */
const FLAGS = ['--min-semi-space-size=128', '--max-semi-space-size=128']
const fixed = (value) => (value === undefined ? '' : value.toFixed(value < 10 ? 1 : 0))
const judged = (isMet) => (isMet ? 'met' : 'missed')

/** Rounds that are measured, and rounds before. The official serializer takes 15 s for 100,000 histograms. */
function roundsFor(peer, kind, series) {
  const isSlow = (peer === 'official' || peer === 'client') && kind === 'histogram'
  if (isSlow && series > 10_000) return [1, 0]
  return isSlow ? [5, Math.ceil(10_000 / series)] : [15, Math.ceil(300_000 / series)]
}

function measure(peer, kind, values, series, processes) {
  const runs = Array.from({ length: processes }, () =>
    runChild('../scrape/variant.mjs', [peer, kind, values, series, ...roundsFor(peer, kind, series)], FLAGS),
  )
  const heap = runs.map(({ heapBytes }) => heapBytes).filter((bytes) => bytes !== null)
  return {
    cpuMillis: median(runs.map(({ cpuMillis }) => cpuMillis)),
    heapBytes: heap.length === 0 ? undefined : median(heap),
    holdMillis: Math.max(...runs.map(({ longestHoldMillis }) => longestHoldMillis)),
    bytes: runs[0].bytes,
  }
}

console.log(
  `CPU milliseconds of one rendering, medians of ${PROCESSES} processes; x is what the official serializer takes for one of ours.\n`,
)
const lines = []
for (const series of SIZES) {
  for (const [kind, values, aim] of KINDS) {
    const isLong = kind === 'histogram' && series > 10_000
    const ours = measure('sluice', kind, values, series, PROCESSES)
    const official = measure('official', kind, values, series, isLong ? 1 : PROCESSES)
    const client = measure('client', kind, values, series, isLong ? 1 : PROCESSES)
    const x = official.cpuMillis / ours.cpuMillis
    const mostHold = kind === 'histogram' ? 10 : 5
    lines.push([
      String(series),
      `${kind}, ${values}s`,
      fixed(ours.cpuMillis),
      fixed(official.cpuMillis),
      fixed(client.cpuMillis),
      fixed(x),
      String(aim),
      judged(x >= aim),
      fixed(ours.heapBytes),
      ours.heapBytes === undefined ? '' : judged(ours.heapBytes < 60),
      fixed(ours.holdMillis),
      series === 100_000 ? judged(ours.holdMillis <= mostHold) : '',
      fixed(ours.bytes / 1e6),
    ])
  }
}
printTable(
  [
    'series',
    'of',
    'ours',
    'official',
    'client',
    'x',
    'aim',
    '',
    'heap B/series',
    '< 60',
    'longest hold',
    '5 / 10',
    'MB',
  ],
  lines,
)

console.log('\nThe other formats, 100,000 series of integers: CPU milliseconds, heap bytes a series, longest hold.\n')
const others = ['openmetrics', 'protobuf'].flatMap((peer) =>
  ['counter', 'histogram'].map((kind) => {
    const { cpuMillis, heapBytes, holdMillis, bytes } = measure(peer, kind, 'integer', 100_000, 1)
    return [peer, kind, fixed(cpuMillis), fixed(heapBytes), fixed(holdMillis), fixed(bytes / 1e6)]
  }),
)
printTable(['format', 'of', 'CPU', 'heap B/series', 'longest hold', 'MB'], others)

console.log('\nMilliseconds until a scraper has all of 10,000 counters, gzipped, over connections that are kept.\n')
const { alone, all, turnsPerRound } = await measureParallel(10_000, 50, 40)
printTable(
  ['scrapers', 'p50', 'p99', 'p99 against one', 'below', '', 'turns for all of them'],
  [
    ['1', fixed(alone[0]), fixed(alone[1]), '', '', '', ''],
    [
      '50',
      fixed(all[0]),
      fixed(all[1]),
      fixed(all[1] / alone[1]),
      '3',
      judged(all[1] < 3 * alone[1]),
      fixed(turnsPerRound),
    ],
  ],
  1,
)
