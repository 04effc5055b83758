import { setImmediate as step } from 'node:timers/promises'

/** What the consumer gets from its stream. */
export interface Message {
  readonly topic: string
  /** How long it took to process. Given, not measured: then every run gives the same sums. */
  readonly millis: number
}

/** Where the consumer counts and times its messages. */
export interface MessageMetrics {
  record(message: Message): void
  /** Sends what was recorded; resolves with whether all of it arrived. Never rejects. */
  flush(): Promise<boolean>
}

const TOPICS = ['orders', 'payments', 'refunds']

export function* messagesFrom(random: () => number, count: number): Generator<Message> {
  for (let i = 0; i < count; i++) {
    const topic = TOPICS[Math.floor(random() * TOPICS.length)]
    yield { topic, millis: 1 + Math.floor(random() * 100) }
  }
}

/** Consumes all messages. Flushes are due by their number and not by the time, so that every run is the same. */
export async function consume(
  messages: Iterable<Message>,
  flushEvery: number,
  sides: readonly MessageMetrics[],
): Promise<void> {
  let consumed = 0
  for (const message of messages) {
    await step()
    for (const side of sides) side.record(message)
    if (++consumed % flushEvery > 0) continue
    // Not awaited: the stream does not stand still for its metrics, so recording goes on during the flush.
    for (const side of sides) void side.flush()
  }
}
