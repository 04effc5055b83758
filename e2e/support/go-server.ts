import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as after } from 'node:timers/promises'
import { until } from './until.ts'

/** Enough to see why a server did not come up. */
const KEPT_LOG_LINES = 200
/** How long a server may take to end by itself. */
const STOP_MILLIS = 5000

/**
 * A server of the Prometheus project in a process of its own. They all log the address that they listen on in the same
 * words, so that they can be told to take any port, and nobody can take it in between.
 */
export class GoServer {
  readonly #process: ChildProcess
  readonly #name: string
  readonly #log: string[] = []
  #address: string | undefined
  #isOver = false
  // A test run that is cut short must not leave it running.
  readonly #kill = () => this.#process.kill('SIGKILL')

  private constructor(path: string, args: readonly string[]) {
    this.#name = path
    this.#process = spawn(path, [...args, '--web.listen-address=127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let rest = ''
    const read = (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.#said(line)
    }
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) stream.setEncoding('utf8').on('data', read)
    process.once('exit', this.#kill)
    this.#process.on('error', (error) => this.#ended(error.message))
    this.#process.on('exit', (code, signal) => this.#ended(`exit code ${code}, signal ${signal}`))
  }

  /** @throws Error with the log, when the server does not listen in time */
  static async start(path: string, args: readonly string[]): Promise<GoServer> {
    const server = new GoServer(path, args)
    try {
      await until(`${path} to listen`, async () => (server.#isOver ? '' : server.#address))
      if (server.#address === undefined) throw new Error(`${path} ended at once`)
    } catch (error) {
      const failure = new Error(`${(error as Error).message}\n${server.log()}`, { cause: error })
      await server.stop()
      throw failure
    }
    return server
  }

  get url(): string {
    return `http://${this.#address}`
  }

  /** The last of what it said. */
  log(): string {
    return this.#log.join('\n')
  }

  async stop(): Promise<void> {
    if (this.#isOver) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    const over = new AbortController()
    await Promise.race([exited, after(STOP_MILLIS, undefined, { signal: over.signal, ref: false })])
    over.abort()
    if (this.#isOver) return
    this.#process.kill('SIGKILL')
    await exited
  }

  #said(line: string): void {
    this.#log.push(line)
    if (this.#log.length > KEPT_LOG_LINES) this.#log.shift()
    this.#address ??= /msg="Listening on" address=(\S+)/.exec(line)?.[1]
  }

  #ended(how: string): void {
    this.#isOver = true
    process.off('exit', this.#kill)
    this.#said(`${this.#name} ended: ${how}`)
  }
}
