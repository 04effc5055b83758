import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { until } from '../../support/until.ts'

/** Enough to see why a program did not come up. */
const KEPT_LOG_LINES = 200
/** How long a program may take to end by itself. */
const STOP_MILLIS = 5000

/** A program in a process of its own, which can be held up, killed and started again with the same arguments. */
export class PeerProcess {
  readonly #path: string
  readonly #args: readonly string[]
  /** What it says when it has come up. */
  readonly #isReady: RegExp
  readonly #log: string[] = []
  #process: ChildProcess | undefined
  #hasComeUp = false

  private constructor(path: string, args: readonly string[], isReady: RegExp) {
    this.#path = path
    this.#args = args
    this.#isReady = isReady
    // A test run that is cut short must not leave it running.
    process.once('exit', this.#killNow)
  }

  /** @throws Error with the log, when it does not say in time that it is ready */
  static async start(path: string, args: readonly string[], isReady: RegExp): Promise<PeerProcess> {
    const peer = new PeerProcess(path, args, isReady)
    await peer.startAgain()
    return peer
  }

  /** The last of what it said, in all its lives. */
  log(): string {
    return this.#log.join('\n')
  }

  async startAgain(): Promise<void> {
    this.#hasComeUp = false
    const child = spawn(this.#path, this.#args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    let rest = ''
    const read = (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.#said(line)
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', read)
    const ended = (how: string) => {
      this.#said(`${this.#path} ended: ${how}`)
      if (this.#process === child) this.#process = undefined
    }
    child.on('error', (error) => ended(error.message))
    child.on('exit', (code, signal) => ended(`exit code ${code}, signal ${signal}`))
    try {
      await until(`${this.#path} to be ready`, async () => this.#hasComeUp || this.#process === undefined || undefined)
      if (!this.#hasComeUp) throw new Error(`${this.#path} ended at once`)
    } catch (error) {
      const failure = new Error(`${(error as Error).message}\n${this.log()}`, { cause: error })
      await this.stop()
      throw failure
    }
  }

  /** Holds it up: it keeps its sockets, and answers nobody from when this resolves on. */
  async pause(): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    child.kill('SIGSTOP')
    // A signal to a process with many threads takes a moment, in which one of them may still answer.
    await until(`${this.#path} to stand still`, async () => standsStill(child.pid!) || undefined)
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Ends it without a chance to write anything down. */
  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async stop(): Promise<void> {
    process.off('exit', this.#killNow)
    const child = this.#process
    if (child === undefined) return
    const exited = once(child, 'exit')
    this.resume()
    child.kill('SIGTERM')
    const over = new AbortController()
    // It rejects when it is called off.
    const patience = after(STOP_MILLIS, undefined, { signal: over.signal, ref: false }).catch(() => {})
    await Promise.race([exited, patience])
    over.abort()
    if (this.#process === child) child.kill('SIGKILL')
    await exited
  }

  readonly #killNow = () => this.#process?.kill('SIGKILL')

  #said(line: string): void {
    this.#log.push(line)
    if (this.#log.length > KEPT_LOG_LINES) this.#log.shift()
    if (this.#isReady.test(line)) this.#hasComeUp = true
  }
}

/** Whether no thread runs. Only Linux tells; elsewhere it is taken for granted. */
function standsStill(pid: number): boolean {
  const threads = `/proc/${pid}/task`
  if (!existsSync(threads)) return true
  return readdirSync(threads).every((thread) =>
    /^State:\s+T/m.test(readFileSync(join(threads, thread, 'status'), 'utf8')),
  )
}
