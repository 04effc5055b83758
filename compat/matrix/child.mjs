import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** A step that did not work, with everything the child process said. */
export class ChildFailure extends Error {
  /**
   * @param {string} message
   * @param {string} output
   */
  constructor(message, output) {
    super(message)
    this.output = output
  }
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()
let stopped = false

/** Ends what still runs and starts nothing more. Resolves when nothing writes to a folder any longer. */
export async function stopAll() {
  stopped = true
  await Promise.all(
    [...running].map((child) => {
      child.kill()
      return new Promise((resolve) => child.on('close', resolve))
    }),
  )
}

/**
 * Runs a program to its end. Resolves to what it printed; rejects with a {@link ChildFailure} otherwise, also when it
 * takes too long.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, timeoutMillis?: number }} options
 * @returns {Promise<string>}
 */
export function run(command, args, { cwd, timeoutMillis = 60_000 }) {
  return new Promise((resolve, reject) => {
    if (stopped) throw new Error('the run has been stopped')
    const child = spawn(command, args, { cwd, env: ownEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let output = ''
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, timeoutMillis)
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
      })
    }
    child.on('error', (error) => {
      clearTimeout(timer)
      running.delete(child)
      reject(error)
    })
    child.on('close', (code, signal) => {
      running.delete(child)
      clearTimeout(timer)
      if (code === 0) resolve(output)
      else if (timedOut) reject(new ChildFailure(`did not end within ${timeoutMillis} ms`, output))
      else reject(new ChildFailure(`ended with ${signal ?? `code ${code}`}`, output))
    })
  })
}

/** npm and npx are scripts on Windows, which only a shell can start. */
const viaShell = process.platform === 'win32'

/** Like {@link run}, for npm and npx. */
export function runNpm(command, args, options) {
  if (!viaShell) return run(command, args, { timeoutMillis: 300_000, ...options })
  const line = [command, ...args].map((part) => (/\s/.test(part) ? `"${part}"` : part)).join(' ')
  return run(process.env.ComSpec ?? 'cmd.exe', ['/d', '/s', '/c', line], { timeoutMillis: 300_000, ...options })
}

/** What would change how a cell resolves modules or exports is left out: pnpm, for one, sets NODE_PATH. */
function ownEnvironment() {
  const decides = (name) => name === 'NODE_PATH' || name === 'NODE_OPTIONS' || name.startsWith('OTEL_')
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !decides(name.toUpperCase())))
}

let free = Math.max(2, availableParallelism())
/** @type {(() => void)[]} */
const waiting = []

/**
 * Runs `task` when a processor is free. What a task needs has to be awaited before, or all might wait for one another.
 *
 * @template T
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
export async function inTurn(task) {
  if (free > 0) free--
  else await new Promise((resolve) => waiting.push(resolve))
  try {
    return await task()
  } finally {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
}
