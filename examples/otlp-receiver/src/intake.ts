import { type Fault, FaultPlan, type Refusal } from './fault.ts'
import { Ledger } from './ledger.ts'
import { normalize } from './normalize.ts'
import type { OtlpRequest } from './otlp-json.ts'
import type { Protocol, TakenBatch } from './received-metric.ts'

/** What the front that a request came through has to do. */
export type Reply =
  | {
      readonly type: 'accept'
      readonly body: SuccessBody
      /** When the status goes out, and how much later the body. */
      readonly afterMillis: number
      readonly bodyAfterMillis: number
    }
  | { readonly type: 'refuse'; readonly refusal: Refusal }
  | { readonly type: 'malformed'; readonly message: string }
  | { readonly type: 'silence' }
  | { readonly type: 'reset' }
  | { readonly type: 'cut' }

/** What is said with a success. */
export type SuccessBody = 'nothing' | 'partial-success' | 'garbage'

/** Where the requests of all protocols meet: it applies the fault, and keeps and adds up what is taken in. */
export class Intake {
  readonly faults = new FaultPlan()
  readonly ledger = new Ledger()
  readonly batches: TakenBatch[] = []
  readonly #keepBatches: boolean
  #requests = 0

  constructor(keepBatches: boolean) {
    this.#keepBatches = keepBatches
  }

  /** How many requests have come, taken in or not. */
  get requests(): number {
    return this.#requests
  }

  /** @param decode throws when the request is malformed */
  receive(protocol: Protocol, decode: () => OtlpRequest): Reply {
    this.#requests++
    const fault = this.faults.next()
    const reply = replyTo(fault)
    if (reply.type !== 'accept' && reply.type !== 'cut') return reply
    try {
      this.#takeIn({ protocol, metrics: normalize(decode()) })
    } catch (error) {
      return { type: 'malformed', message: error instanceof Error ? error.message : String(error) }
    }
    return reply
  }

  #takeIn(batch: TakenBatch): void {
    if (this.#keepBatches) this.batches.push(batch)
    this.ledger.take(batch.metrics)
  }
}

const ACCEPTED = { type: 'accept', body: 'nothing', afterMillis: 0, bodyAfterMillis: 0 } as const

function replyTo(fault: Fault): Reply {
  if (fault === 'none') return ACCEPTED
  if (fault === 'partial-success' || fault === 'garbage') return { ...ACCEPTED, body: fault }
  if (fault === 'hang') return { type: 'silence' }
  if (fault === 'reset') return { type: 'reset' }
  if (fault === 'cut-after-taking-in') return { type: 'cut' }
  if ('answerAfterMillis' in fault) return { ...ACCEPTED, afterMillis: fault.answerAfterMillis }
  if ('bodyAfterMillis' in fault) return { ...ACCEPTED, bodyAfterMillis: fault.bodyAfterMillis }
  return { type: 'refuse', refusal: fault }
}
