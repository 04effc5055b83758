import { whole } from './table.ts'

/** What is shown while the demo runs. */
export interface View {
  readonly elapsedMillis: number
  readonly phase: string
  readonly recorded: number
  /** Delivered so far, by pipeline. */
  readonly delivered: Readonly<Record<string, number>>
}

/** Where the demo shows itself. */
export interface Screen {
  /** Shows how things stand; called several times a second. */
  show(view: View): void
  /** Writes lines that stay. */
  write(...lines: string[]): void
}

/** @returns one that updates in place on a terminal, and one that writes a line now and then anywhere else */
export function screenFor(stream: NodeJS.WriteStream): Screen {
  return stream.isTTY && process.env.TERM !== 'dumb' ? new LiveScreen(stream) : new LineScreen(stream)
}

/** A few lines at the bottom that are drawn over; what is written goes above them. */
class LiveScreen implements Screen {
  readonly #stream: NodeJS.WriteStream
  #drawn = 0

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show({ elapsedMillis, phase, recorded, delivered }: View): void {
    const width = Math.max(...Object.keys(delivered).map((name) => name.length))
    const lines = [
      '',
      `  ${seconds(elapsedMillis)}  ${phase}`,
      `  ${'recorded by the shop'.padEnd(width)}  ${whole(recorded).padStart(8)}`,
      ...Object.entries(delivered).map(([name, count]) => {
        const share = recorded === 0 ? 1 : Math.min(1, count / recorded)
        return `  ${name.padEnd(width)}  ${whole(count).padStart(8)}  ${bar(share)}`
      }),
    ]
    this.#erase()
    // A line that wraps would be two lines to erase. Some terminals do not know their width.
    const columns = this.#stream.columns || 80
    for (const line of lines) this.#stream.write(`${line.slice(0, columns - 1)}\n`)
    this.#drawn = lines.length
  }

  write(...lines: string[]): void {
    this.#erase()
    for (const line of lines) this.#stream.write(`${line}\n`)
  }

  #erase(): void {
    if (this.#drawn === 0) return
    this.#stream.moveCursor(0, -this.#drawn)
    this.#stream.cursorTo(0)
    this.#stream.clearScreenDown()
    this.#drawn = 0
  }
}

/** One line a second, and one whenever the phase changes. */
class LineScreen implements Screen {
  readonly #stream: NodeJS.WriteStream
  #phase = ''
  #lastMillis = 0

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show({ elapsedMillis, phase, recorded, delivered }: View): void {
    if (phase === this.#phase && elapsedMillis - this.#lastMillis < 1_000) return
    if (phase !== this.#phase) this.write(`${seconds(elapsedMillis)}  ${phase}`)
    this.#phase = phase
    this.#lastMillis = elapsedMillis
    const pipelines = Object.entries(delivered).map(([name, count]) => `${name} ${whole(count)}`)
    this.write(`${seconds(elapsedMillis)}    recorded ${whole(recorded)}, delivered: ${pipelines.join(', ')}`)
  }

  write(...lines: string[]): void {
    for (const line of lines) this.#stream.write(`${line}\n`)
  }
}

function seconds(millis: number): string {
  return `${(millis / 1_000).toFixed(1).padStart(5)} s`
}

function bar(share: number): string {
  const cells = 30
  const full = Math.floor(share * cells)
  return `${'█'.repeat(full)}${'░'.repeat(cells - full)} ${Math.floor(share * 100)} %`
}
