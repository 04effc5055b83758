// The same faults, the same exporter and the same receiver behind the SDK's PeriodicExportingMetricReader and behind ours,
// without and with a spool: how much of what was recorded arrives. Fails if ours, with a spool or without one, has less of it
// arrive than the stock reader in any row, or if anything is missing with a spool. There is a row for each kind of receiver that
// stress/dominance tells apart, on real timers, and for what a program does that starts again. About a minute.
// npm run beside
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { faults, readers, STEPS, VALUE } from './beside/cases.mjs'
import { readArrived } from './beside/receiver.mjs'

/** Programs mostly wait, but must not wait for a core when their time has come. */
const ROWS_AT_ONCE = 3

const program = fileURLToPath(new URL('./beside/program.mjs', import.meta.url))

/** Runs the program once. It is killed when it says that it is ready for it. */
function run(reader, fault, folder, life) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, reader, fault, folder, String(life)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.on('message', () => child.kill('SIGKILL'))
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve()
      else reject(new Error(`${reader}, ${fault} ended with ${code ?? signal}`))
    })
  })
}

function livesOf(fault) {
  return faults[fault].lives ?? 1
}

async function account(reader, fault) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-beside-'))
  try {
    for (let life = 1; life <= livesOf(fault); life++) await run(reader, fault, folder, life)
    return readArrived(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function inWords({ arrived, twice, atOnce }, recorded) {
  const notes = [
    arrived !== recorded && `${arrived - recorded}`,
    twice > 0 && `${twice} of it twice`,
    atOnce > 1 && `${atOnce} calls at once`,
  ].filter(Boolean)
  return notes.length === 0 ? `${arrived}` : `${arrived} (${notes.join(', ')})`
}

/** The stock reader is the first one, ours with a spool the last one. */
function isGood(accounts, recorded) {
  const [stock, ...ours] = accounts
  return ours.every(({ arrived }) => arrived >= stock.arrived) && accounts.at(-1).arrived === recorded
}

const names = Object.keys(readers)
const rows = new Map()
const waiting = Object.keys(faults)
async function work() {
  for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
    const recorded = livesOf(fault) * STEPS * VALUE * (faults[fault].series ?? 1)
    const accounts = await Promise.all(names.map((reader) => account(reader, fault)))
    rows.set(fault, [fault, String(recorded), ...accounts.map((each) => inWords(each, recorded))])
    if (isGood(accounts, recorded)) continue
    console.error(`beside: ours does not deliver what it should when the exporter ${fault}`)
    process.exitCode = 1
  }
}
await Promise.all(Array.from({ length: ROWS_AT_ONCE }, work))
const lines = [
  ['the exporter, as delta', 'recorded', ...names],
  ['---', '---', ...names.map(() => '---')],
  ...Object.keys(faults).map((fault) => rows.get(fault)),
]
const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)))
for (const line of lines) console.log(`| ${line.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`)
