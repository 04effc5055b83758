import { Backend } from './backend.ts'
import { consume, type Message, type MessageMetrics, messagesFrom } from './consumer.ts'
import { NaivePipeline } from './naive-pipeline.ts'
import { seededRandom } from './seeded-random.ts'
import { SluicePipeline } from './sluice-pipeline.ts'
import { addTo, type Totals, totalOf } from './totals.ts'

export interface ComparisonOptions {
  readonly seed: number
  readonly messages: number
  /** How many messages there are between two flushes. */
  readonly flushEvery: number
  /** Share of the calls to a backend that fail, from 0 up to 1. */
  readonly failureRate: number
}

/** What came of the messages on one side. */
export interface Result {
  readonly recorded: Totals
  readonly arrived: Totals
  readonly repeated: Totals
  /** Of the backend. */
  readonly calls: number
  readonly failedCalls: number
}

/** Counts and times the same messages naively and with Sluice, each into a backend of the same temper. */
export async function compare(options: ComparisonOptions): Promise<{ naive: Result; sluice: Result }> {
  const { seed, failureRate } = options
  const naiveBackend = new Backend(seededRandom(seed), failureRate)
  const sluiceBackend = new Backend(seededRandom(seed), failureRate)
  const naive = new NaivePipeline(naiveBackend)
  const sluice = new SluicePipeline(sluiceBackend)

  const messages = [...messagesFrom(seededRandom(seed + 1), options.messages)]
  await consume(messages, options.flushEvery, [naive, sluice])
  await flushToTheEnd(naive)
  await flushToTheEnd(sluice)
  await sluice.shutdown()

  const recorded = totalsOf(messages)
  return {
    naive: resultOf(recorded, naiveBackend, naive.repeated),
    sluice: resultOf(recorded, sluiceBackend, sluiceBackend.repeated),
  }
}

/** What never arrived: repeats do not make up for it. */
export function lostOf({ recorded, arrived, repeated }: Result, kind: string): number {
  return totalOf(recorded, kind) - (totalOf(arrived, kind) - totalOf(repeated, kind))
}

/** Neither side may be blamed for what it was not given the time to send. */
async function flushToTheEnd(side: MessageMetrics): Promise<void> {
  for (let flushes = 0; flushes < 100; flushes++) if (await side.flush()) return
  throw new Error('the backend failed 100 flushes in a row')
}

function resultOf(recorded: Totals, { arrived, calls, failedCalls }: Backend, repeated: Totals): Result {
  return { recorded, arrived, repeated, calls, failedCalls }
}

function totalsOf(messages: readonly Message[]): Totals {
  const totals: Totals = new Map()
  for (const { topic, millis } of messages) {
    addTo(totals, `messages.${topic}`, 1)
    addTo(totals, `millis.${topic}`, millis)
    addTo(totals, `timings.${topic}`, 1)
  }
  return totals
}
