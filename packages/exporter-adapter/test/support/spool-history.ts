import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { vi } from 'vitest'
import type { Answer } from './scripted-exporter.ts'
import { type DiskFault, openSpoolsWith, removeDirectory, temporaryDirectory } from './spool-fs.ts'
import { Backend, type Death, INTERVAL, KINDS, SpoolingProcess } from './spooling-process.ts'

export type Step =
  | {
      readonly do: 'record'
      readonly name: 'counter' | 'upDown' | 'histogram'
      readonly value: number
      readonly series: number
    }
  | { readonly do: 'answer'; readonly exporter: number; readonly answer: Answer }
  | { readonly do: 'settle'; readonly exporter: number; readonly well: boolean }
  | { readonly do: 'wait'; readonly millis: number }
  | { readonly do: 'flush' | 'forceFlush' | 'collect' }
  | { readonly do: 'disk'; readonly fault: DiskFault }
  | { readonly do: 'clock'; readonly byMillis: number }
  /** At once; what was under way may have arrived. */
  | { readonly do: 'crash'; readonly hasArrived: boolean }
  /** Later: at a call of the file system, or in an Export call. */
  | { readonly do: 'crashAtCall'; readonly calls: number }
  | { readonly do: 'crashInExport'; readonly exporter: number; readonly when: Death }
  | { readonly do: 'shutdown'; readonly timeoutMillis: number }

const ANSWERS: readonly Answer[] = [
  'success',
  'success',
  'failBefore',
  'failAfter',
  'failPlain',
  'throwBefore',
  'rejectPromise',
  'reject',
  'hang',
  'twice',
  'flap',
  { afterMillis: 0.3 * INTERVAL },
  { afterMillis: 1.3 * INTERVAL },
]

const exporter = fc.integer({ min: 0, max: 2 })
const just = <const T>(value: T) => fc.constant(value)
const weighed = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })

const step: fc.Arbitrary<Step> = fc.oneof(
  weighed(
    8,
    fc.record({
      do: just('record'),
      name: fc.constantFrom('counter', 'upDown', 'histogram'),
      value: fc.integer({ min: 1, max: 1000 }),
      series: fc.integer({ min: 0, max: 3 }),
    }),
  ),
  weighed(4, fc.record({ do: just('answer'), exporter, answer: fc.constantFrom(...ANSWERS) })),
  weighed(1, fc.record({ do: just('settle'), exporter, well: fc.boolean() })),
  weighed(4, fc.record({ do: just('wait'), millis: fc.constantFrom(1, 0.4 * INTERVAL, INTERVAL, 7 * INTERVAL) })),
  weighed(4, fc.record({ do: fc.constantFrom('flush', 'flush', 'forceFlush', 'collect') })),
  weighed(
    1,
    fc.record({
      do: just('disk'),
      fault: fc.constantFrom(
        'well',
        'well',
        'well',
        'full',
        'readOnly',
        'broken',
        'flaky',
        'readOnce',
        'keepsProgress',
      ),
    }),
  ),
  weighed(1, fc.record({ do: just('clock'), byMillis: fc.constantFrom(-3_600_000, -5_000, 5_000, 3_600_000) })),
  weighed(2, fc.record({ do: just('crash'), hasArrived: fc.boolean() })),
  weighed(2, fc.record({ do: just('crashAtCall'), calls: fc.integer({ min: 0, max: 80 }) })),
  weighed(
    1,
    fc.record({ do: just('crashInExport'), exporter, when: fc.constantFrom('beforeSending', 'afterSending') }),
  ),
  weighed(1, fc.record({ do: just('shutdown'), timeoutMillis: fc.constantFrom(1, 300, 2 * INTERVAL) })),
)

export const history = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
  /** How much of each backoff the jitter leaves, in turn. */
  jitter: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 4 }),
})

/** One process after the other on one spool directory, in front of receivers that remember. Wants fake timers. */
export class SpoolWorld {
  readonly directory = temporaryDirectory()
  readonly backends = KINDS.map(() => new Backend())
  readonly processes: SpoolingProcess[] = []
  readonly #answers: Answer[] = KINDS.map(() => 'success')
  #fault: DiskFault = 'well'

  constructor() {
    openSpoolsWith(() => ({ fs: this.process.fs, identity: this.process.identity }))
    this.#start()
  }

  get process(): SpoolingProcess {
    return this.processes.at(-1)!
  }

  async take(step: Step): Promise<void> {
    const { process } = this
    switch (step.do) {
      case 'record':
        process.record(step.name, step.value, step.series)
        break
      case 'answer':
        this.#answers[step.exporter] = step.answer
        process.exporters[step.exporter]!.answer = step.answer
        break
      case 'settle': {
        const call = process.exporters[step.exporter]!.hanging[0]
        if (step.well) call?.succeed()
        else call?.fail()
        break
      }
      case 'wait':
        await vi.advanceTimersByTimeAsync(step.millis)
        break
      case 'flush':
        void process.flush().catch(() => undefined)
        break
      case 'forceFlush':
      case 'collect':
        void process.reader[step.do]().catch(() => undefined)
        break
      case 'disk':
        this.#fault = step.fault
        process.fs.fault = step.fault
        break
      case 'clock':
        vi.setSystemTime(Date.now() + step.byMillis)
        break
      case 'crash':
        process.die()
        if (!step.hasArrived) break
        for (const { hanging, receiver } of process.exporters) for (const call of hanging) receiver.take(call.metrics)
        break
      case 'crashAtCall':
        process.fs.diesAtCall = process.fs.calls + step.calls
        break
      case 'crashInExport':
        process.dies = step
        break
      case 'shutdown':
        await this.#shutDown(step.timeoutMillis)
    }
    await vi.advanceTimersByTimeAsync(0)
    if (this.process.isDead) this.#start()
  }

  /** Everything is well from now on: a last process sends what there is, and ends. */
  async recover(): Promise<void> {
    this.#fault = 'well'
    this.#answers.fill('success')
    this.process.die()
    this.#start()
    // What cannot be claimed at once is looked for again after a minute.
    for (let turns = 0; turns < 2 || (turns < 14 && this.#areOthersLeft()); turns++) {
      await vi.advanceTimersByTimeAsync(INTERVAL)
    }
    await this.#shutDown(2 * INTERVAL)
    vi.clearAllTimers()
  }

  remove(): void {
    removeDirectory(this.directory)
  }

  async #shutDown(timeoutMillis: number): Promise<void> {
    const { process } = this
    const end = process.reader.shutdown({ timeoutMillis }).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(timeoutMillis + INTERVAL)
    await (process.isDead || end)
    if (process.isDead) return
    process.acknowledge(process.recorded)
    process.die()
  }

  #areOthersLeft(): boolean {
    return readdirSync(this.directory).some((folder) => readdirSync(join(this.directory, folder)).length > 1)
  }

  #start(): void {
    // The timers of the one before are dead as well.
    const now = Date.now()
    vi.useRealTimers()
    vi.useFakeTimers({ now })
    const process = new SpoolingProcess(this.processes.length, this.directory, this.backends)
    process.fs.fault = this.#fault
    process.exporters.forEach((each, i) => {
      each.answer = this.#answers[i]!
    })
    this.processes.push(process)
  }
}
