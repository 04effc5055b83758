import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What every child process sends: an answer has the `id` of its command, everything else has none. */
type Answer<Message> = Message & { readonly id?: number; readonly type: string; readonly message?: string }

type Unnumbered<Command> = Command extends unknown ? Omit<Command, 'id'> : never

/** A process of our own that is given commands and answers each of them. */
export class Child<Command extends { readonly id: number }, Message extends { readonly type: string }> {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve(message: Message): void; reject(error: Error): void }>()
  #nextId = 1
  #isEnding = false
  #lastWords = ''
  /** Rejects when the process ends before it was told to. */
  readonly ended: Promise<never>

  /**
   * @param name for people
   * @param onMessage is given every message, answers included
   */
  constructor(name: string, moduleUrl: string, onMessage: (message: Message) => void) {
    this.#name = name
    this.#process = fork(fileURLToPath(moduleUrl), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // In a process group of its own, Ctrl-C does not reach it: its last numbers are still wanted. It ends with the
      // channel to this process.
      detached: true,
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-2_000)
    })
    this.#process.on('message', (message: Answer<Message>) => {
      onMessage(message)
      if (message.id !== undefined) this.#settle(message.id, message)
    })
    this.ended = new Promise((_, reject) => {
      // `close` and not `exit`: its last words have been read by then.
      this.#process.on('close', (code, signal) => {
        const error = new Error(`${name} ended with ${signal ?? code}. ${this.#lastWords}`)
        for (const id of this.#waiting.keys()) this.#waiting.get(id)?.reject(error)
        this.#waiting.clear()
        if (!this.#isEnding) reject(error)
      })
    })
    this.ended.catch(() => {})
  }

  /** Gives a command; resolves with its answer. */
  ask(command: Unnumbered<Command>): Promise<Message> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#process.send({ ...command, id }, (error) => {
        if (error !== null && this.#waiting.delete(id)) reject(new Error(`${this.#name}: ${error.message}`))
      })
    })
  }

  /** Lets it go, and makes sure that it is gone. */
  async end(): Promise<void> {
    this.#isEnding = true
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    if (this.#process.connected) this.#process.disconnect()
    const impatience = setTimeout(() => this.kill(), 2_000)
    await exited
    clearTimeout(impatience)
  }

  /** At once, and without waiting: for when this process is about to end. */
  kill(): void {
    this.#isEnding = true
    this.#process.kill('SIGKILL')
  }

  #settle(id: number, message: Answer<Message>): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (message.type === 'failed') waiting?.reject(new Error(`${this.#name}: ${message.message}`))
    else waiting?.resolve(message)
  }
}
