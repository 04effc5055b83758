import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pathOf } from './installed.ts'

const SCRIPT = fileURLToPath(new URL('./openmetrics-parser.py', import.meta.url))

export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly exemplar?: { readonly labels: Readonly<Record<string, string>>; readonly value: number }
}

export interface ParsedFamily {
  readonly name: string
  readonly type: string
  /** Empty where there is none. */
  readonly unit: string
  readonly help: string
  readonly samples: readonly ParsedSample[]
}

interface Pending {
  readonly resolve: (families: readonly ParsedFamily[]) => void
  readonly reject: (error: Error) => void
}

/**
 * The parser of prometheus_client for Python, which is the strict one of OpenMetrics 1.0, in a process that stays: a text
 * takes it about a millisecond. It is made stricter still where it overlooks something.
 */
export class OpenMetricsParser {
  readonly #process: ChildProcess
  // Answers come in the order of the questions.
  readonly #pending: Pending[] = []

  constructor() {
    this.#process = spawn(pathOf('prometheus_client for Python'), ['-X', 'utf8', SCRIPT], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#process.stdin!.on('error', () => {})
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#answered(JSON.parse(line)))
    this.#process.on('exit', (code) => {
      for (const { reject } of this.#pending.splice(0)) reject(new Error(`the parser ended with exit code ${code}`))
    })
  }

  /** @throws Error that says what is wrong with the text */
  parse(exposition: string): Promise<readonly ParsedFamily[]> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject })
      this.#process.stdin!.write(`${JSON.stringify(exposition)}\n`)
    })
  }

  /** @returns why it is refused, or `undefined` */
  async complaintAbout(exposition: string): Promise<string | undefined> {
    try {
      await this.parse(exposition)
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  stop(): void {
    this.#process.stdin!.end()
  }

  #answered(answer: { error?: string; families?: ParsedFamily[] }): void {
    const { resolve, reject } = this.#pending.shift()!
    if (answer.families === undefined) reject(new Error(answer.error))
    else resolve(answer.families.map((family) => ({ ...family, samples: family.samples.map(withNumbers) })))
  }
}

/** Numbers come as text, for JSON has no NaN. */
function withNumbers(sample: ParsedSample): ParsedSample {
  const { name, labels, value, exemplar } = sample
  const read = { name, labels, value: numberOf(value) }
  return exemplar ? { ...read, exemplar: { ...exemplar, value: numberOf(exemplar.value) } } : read
}

function numberOf(text: unknown): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY
  if (text === '-inf') return Number.NEGATIVE_INFINITY
  return Number(text)
}
