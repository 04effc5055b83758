// The same faults, the same exporter and the same receiver behind the SDK's PeriodicExportingMetricReader and behind ours,
// without and with a spool: how much of what was recorded arrives. Fails if anything is missing with a spool.
// npm run beside
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { faults, readers, STEPS, VALUE } from './beside/cases.mjs'
import { readArrived } from './beside/receiver.mjs'

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

async function account(reader, fault) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-beside-'))
  try {
    for (let life = 1; life <= faults[fault].lives; life++) await run(reader, fault, folder, life)
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

const names = Object.keys(readers)
const lines = [
  ['the exporter, as delta', 'recorded', ...names],
  ['---', '---', ...names.map(() => '---')],
]
for (const fault of Object.keys(faults)) {
  const recorded = faults[fault].lives * STEPS * VALUE
  const accounts = await Promise.all(names.map((reader) => account(reader, fault)))
  lines.push([fault, String(recorded), ...accounts.map((each) => inWords(each, recorded))])
  if (accounts.at(-1).arrived !== recorded) process.exitCode = 1
}
const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)))
for (const line of lines) console.log(`| ${line.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`)
