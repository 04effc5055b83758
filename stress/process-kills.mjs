// Processes that die: node process-kills.mjs, with SLUICE_KILLS (default 100) and SLUICE_SEED. Two at a time record and spool
// into one directory in front of a receiver that fails in several ways, until SIGKILL comes at a random moment. At the end
// one more process, with a receiver that is well, sends what they have left. What a flush had resolved for has to be there.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const KILLS = Number(process.env.SLUICE_KILLS ?? 100)
const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)
/** Processes at a time: none of them may take what another that lives is at. */
const LANES = 2
/** What a process may have recorded since its last word. */
const PER_ROUND = 20
const RECORDER = fileURLToPath(new URL('./process-kills/recorder.mjs', import.meta.url))

const random = randomNumbers(SEED)
const directory = mkdtempSync(join(tmpdir(), 'sluice-kills-'))
/** `exporter instance series` → `start end` → value; and what was refused for good. */
const arrived = new Map()
const refused = new Map()
const counts = { requests: 0, doubles: 0, different: 0, unacknowledged: 0 }
let isWell = false

const server = http.createServer((request, response) => {
  let body = ''
  request.on('data', (part) => {
    body += part
  })
  request.on('end', () => {
    counts.requests++
    const batch = JSON.parse(body)
    const answer = (status) => {
      response.statusCode = status
      response.end()
    }
    const luck = isWell ? 0 : random()
    if (luck < 0.3) {
      take(arrived, batch)
      answer(200)
    } else if (luck < 0.4) {
      take(arrived, batch)
      setTimeout(() => answer(200), 40)
    } else if (luck < 0.55) {
      take(arrived, batch)
      request.socket.destroy()
    } else if (luck < 0.65) request.socket.destroy()
    else if (luck < 0.7) setTimeout(() => request.socket.destroy(), 200)
    else if (luck < 0.75) {
      take(refused, batch)
      answer(400)
    } else answer(503)
  })
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

/** Counts of each of the two instruments that each instance was told are safe. */
const acknowledged = new Map()
let next = 0
const lane = async () => {
  while (next < KILLS) await lifeOf(`i${next++}`)
}
const startedMillis = performance.now()
await Promise.all(Array.from({ length: LANES }, lane))
isWell = true
letAMinutePass()
const stats = JSON.parse(await lastWordOf('last'))
server.close()

const problems = []
let total = 0
for (const [instance, safe] of acknowledged) {
  total += 2 * safe
  for (const exporter of ['delta', 'cumulative']) {
    for (const instrument of ['counter', 'histogram']) {
      const is = totalOf(exporter, instance, instrument)
      const what = `${exporter} ${instance} ${instrument}: ${is} arrived of ${safe} that were acknowledged`
      if (is < safe) problems.push(`LOST ${what}`)
      if (is > safe + PER_ROUND) problems.push(`COUNTED TWICE ${what}`)
    }
  }
}
for (const [key, windows] of arrived) {
  if (key.startsWith('delta') && overlap(windows)) problems.push(`OVERLAP in ${key}: ${[...windows.keys()].join(', ')}`)
}
if (counts.different > 0) problems.push(`${counts.different} resends differed`)
for (const { name, pendingPoints, spoolBytes, spoolError, lostPoints } of stats) {
  if (pendingPoints > 0 || spoolBytes > 0 || spoolError !== undefined || lostPoints['spool-unreadable'] > 0) {
    problems.push(`${name}: not drained: ${JSON.stringify({ pendingPoints, spoolBytes, spoolError, lostPoints })}`)
  }
}
const left = readdirSync(directory, { recursive: true }).filter((path) => dirname(path) !== '.')
if (left.length > 0) problems.push(`left on disk: ${left.join(', ')}`)
rmSync(directory, { recursive: true, force: true })

for (const problem of problems) console.error(problem)
const seconds = ((performance.now() - startedMillis) / 1000).toFixed(0)
console.log(
  `process kills: seed ${SEED}, ${KILLS} kills (${KILLS - acknowledged.size} before the first acknowledgement) in ${seconds} s: ` +
    `${total} counts acknowledged, ${problems.length} problems; ${counts.requests} requests, ${counts.doubles} points arrived twice`,
)
process.exit(problems.length === 0 ? 0 : 1)

/** Records until it is killed: most of them some time after their first word, some at any moment of their start. */
function lifeOf(instance) {
  return new Promise((resolve) => {
    const child = start(instance, 'run', (line) => {
      if (!acknowledged.has(instance)) setTimeout(() => child.kill('SIGKILL'), random() * 300)
      acknowledged.set(instance, Number(line.slice('ack '.length)))
    })
    if (random() < 0.2) setTimeout(() => child.kill('SIGKILL'), random() * 400)
    child.on('close', (code, signal) => {
      if (signal !== 'SIGKILL') {
        console.error(`${instance} ended by itself: ${code}`)
        process.exit(1)
      }
      resolve()
    })
  })
}

/**
 * A process that dies before its lease is written leaves a directory that nobody can be asked about: it is held for a minute.
 * The others are known at once to be dead, so their times stay as they are.
 */
function letAMinutePass() {
  const then = Date.now() / 1000 - 61
  for (const spool of readdirSync(directory)) {
    for (const incarnation of readdirSync(join(directory, spool), { withFileTypes: true })) {
      if (!incarnation.isDirectory()) continue
      const path = join(incarnation.parentPath, incarnation.name)
      const lease = join(path, 'lease')
      if (!existsSync(lease)) utimesSync(path, then, then)
      else if (statSync(lease).size === 0) utimesSync(lease, then, then)
    }
  }
}

function lastWordOf(instance) {
  return new Promise((resolve, reject) => {
    let word
    const child = start(instance, 'drain', (line) => {
      word = line.slice('stats '.length)
    })
    child.on('close', (code) => (code === 0 && word ? resolve(word) : reject(new Error(`the last process: ${code}`))))
  })
}

function start(instance, mode, onLine) {
  const args = [RECORDER, directory, String(server.address().port), instance, mode]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (part) => {
    const lines = (text + part).split('\n')
    text = lines.pop()
    for (const line of lines) onLine(line)
  })
  return child
}

function take(into, { exporter, instance, points }) {
  for (const { series, start, end, value } of points) {
    const key = `${exporter} ${instance} ${series}`
    const windows = into.get(key) ?? new Map()
    into.set(key, windows)
    const window = `${start} ${end}`
    if (windows.has(window)) counts.doubles++
    if (windows.has(window) && windows.get(window) !== value) counts.different++
    windows.set(window, value)
  }
}

/** Delta: each window once, whether it arrived or was refused. Cumulative: the highest. */
function totalOf(exporter, instance, instrument) {
  let sum = 0
  for (let k = 0; k < 7; k++) {
    const key = `${exporter} ${instance} ${instrument} ${k}`
    const values = [...new Map([...(refused.get(key) ?? []), ...(arrived.get(key) ?? [])]).values()]
    sum += exporter === 'delta' ? values.reduce((a, b) => a + b, 0) : Math.max(0, ...values)
  }
  return sum
}

function overlap(windows) {
  const sorted = [...windows.keys()].map((window) => window.split(' ').map(Number)).sort(([a], [b]) => a - b)
  return sorted.some(([start], i) => i > 0 && start < sorted[i - 1][1])
}

/** mulberry32. */
function randomNumbers(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
