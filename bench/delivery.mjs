// What keeping what is undelivered costs: a turn when all is well, one while everything is held, and the disk. CPU time of
// the whole process with its GC threads; one process per measurement, medians.
import { tmpdir } from 'node:os'
import { runChild } from './record/child.mjs'
import { median } from './record/median.mjs'
import { printTable } from './record/print.mjs'

const SERIES = Number(process.env.SLUICE_SERIES ?? 100_000)
const PROCESSES = Number(process.env.SLUICE_PROCESSES ?? 5)
/** Pairs of processes of which one has the adapter that is judged: 5 % is less than a shared machine varies by. */
const PAIRS = Number(process.env.SLUICE_PAIRS ?? 21)
const DIRECTORY = process.env.SLUICE_SPOOL_DIRECTORY ?? tmpdir()
const KINDS = ['counter', 'histogram']
const FLAGS = ['--expose-gc']

const fixed = (value) => value.toFixed(1)
const percent = (share) => `${share >= 0 ? '+' : ''}${(share * 100).toFixed(1)} %`
const judged = (isMet) => (isMet ? 'met' : 'missed')

/** Runs the variants in turn, so that what the machine does besides hits all of them. */
function measure(script, variants, args, processes = PROCESSES) {
  const runs = Object.fromEntries(variants.map((variant) => [variant, []]))
  for (let i = 0; i < processes; i++) {
    // In turns, so that neither always comes first.
    for (const variant of i % 2 ? variants.toReversed() : variants)
      runs[variant].push(runChild(`../delivery/${script}`, [variant, ...args], FLAGS))
  }
  return runs
}

/** From one process to the other: what is less than this means nothing. */
const spread = (runs) => {
  const sorted = runs.map(({ cpuMillis }) => cpuMillis).toSorted((a, b) => a - b)
  return `${fixed(sorted[0])} – ${fixed(sorted.at(-1))}`
}
const middle = (runs, read) => median(runs.map(read))

console.log(
  `${SERIES} series of one delta instrument; CPU milliseconds, the median of ${PROCESSES} processes with 5 to 15 turns each, of ` +
    `plain and push ${PAIRS}, and the median of what one of a pair takes more than the other.\n`,
)
console.log('1. A turn with its delivery when all is well, into an exporter that takes everything and does nothing.')
console.log(
  '   plain   an adapter written for this table that folds what it is given, makes data points of it in batches of',
)
console.log(
  '           8192, hands them over and forgets them: what any exporter needs, and nothing for the day it fails',
)
console.log('   push    PushExporterAdapter: parcels, batches with states, one call at a time, outcomes, accounts')
console.log('   spool   the same with spoolDirectory: all that is undelivered at the end of a turn is on disk (fsync)')
console.log(
  '   Recorded through the fast instruments, since what an adapter does is the same wherever it comes from and the',
)
console.log("   SDK's collect() varies by more than 5 % from turn to turn. It is in the turn of the other column.\n")
const turns = []
for (const kind of KINDS) {
  const args = ['buffer', kind, SERIES, DIRECTORY]
  const pairs = measure('turn.mjs', ['plain', 'push'], args, PAIRS)
  const runs = { ...pairs, ...measure('turn.mjs', ['spool'], args) }
  const ratio = median(pairs.push.map(({ cpuMillis }, i) => cpuMillis / pairs.plain[i].cpuMillis))
  const sdk = measure('turn.mjs', ['plain'], ['sdk', kind, SERIES, DIRECTORY], 2)
  const cpu = (variant) => middle(runs[variant], ({ cpuMillis }) => cpuMillis)
  const sdkCpu = middle(sdk.plain, ({ cpuMillis }) => cpuMillis)
  for (const variant of ['plain', 'push', 'spool']) {
    const isPush = variant === 'push'
    const ofTurn = isPush ? ratio - 1 : cpu(variant) / cpu('plain') - 1
    const more = ofTurn * cpu('plain')
    turns.push([
      kind,
      variant,
      fixed(cpu(variant)),
      spread(runs[variant]),
      fixed(middle(runs[variant], ({ wallMillis }) => wallMillis)),
      variant === 'plain' ? '' : fixed(more),
      variant === 'plain' ? '' : percent(ofTurn),
      variant === 'plain' ? fixed(sdkCpu) : percent(more / sdkCpu),
      isPush ? '+5.0 %' : '',
      isPush ? judged(ofTurn <= 0.05) : '',
    ])
  }
}
printTable(
  ['turn of', 'adapter', 'CPU', 'from – to', 'elapsed', 'more', 'more', "with the SDK's", 'at most', ''],
  turns,
)

console.log(
  '\n2. Merging into the open parcel while the exporter is down: what a turn costs more than one into an adapter that',
)
console.log('   takes nothing, and how long the event loop is held, in ms of CPU time, reported GC pauses left out.\n')
const merges = []
for (const kind of KINDS) {
  const runs = measure('merge.mjs', ['nothing', 'held'], [kind, SERIES])
  const merging = median(runs.held.map(({ cpuMillis }, i) => cpuMillis - runs.nothing[i].cpuMillis))
  const typical = middle(runs.held, ({ holdMillis }) => holdMillis)
  const longest = Math.max(...runs.held.map(({ longestHoldMillis }) => longestHoldMillis))
  merges.push([
    kind,
    fixed(merging),
    '150',
    judged(merging < 150),
    fixed(typical),
    fixed(longest),
    '5',
    judged(longest <= 5),
  ])
}
printTable(['merging', 'CPU', 'below', '', 'longest hold of a turn', 'worst of all', 'at most', ''], merges, 1)

console.log(
  `\n3. Spool.write of 1 MB, durable when it resolves (temporary file, fsync, rename, fsync), in ${DIRECTORY}.\n`,
)
const writes = Array.from({ length: PROCESSES }, () => runChild('../delivery/spool-write.mjs', [DIRECTORY]))
const p50 = median(writes.map((run) => run.p50))
printTable(
  ['elapsed ms', 'p50', 'below', '', 'p90', 'longest', 'the same bytes, writeFile and fsync, p50'],
  [
    [
      '1 MB',
      p50.toFixed(2),
      '10',
      judged(p50 < 10),
      median(writes.map((run) => run.p90)).toFixed(2),
      Math.max(...writes.map((run) => run.longest)).toFixed(2),
      median(writes.map((run) => run.bare)).toFixed(2),
    ],
  ],
  1,
)
