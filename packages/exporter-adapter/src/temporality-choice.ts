import type { AggregationTemporality, InstrumentType } from '@opentelemetry/sdk-metrics'

/** An exporter's preference, asked for once per instrument kind: a stream must not change sides. */
export class TemporalityChoice {
  readonly #ask: (kind: InstrumentType) => AggregationTemporality
  readonly #answers = new Map<InstrumentType, AggregationTemporality>()

  constructor(ask: (kind: InstrumentType) => AggregationTemporality) {
    this.#ask = ask
  }

  of(kind: InstrumentType): AggregationTemporality {
    const known = this.#answers.get(kind)
    if (known !== undefined) return known
    const answer = this.#ask(kind)
    this.#answers.set(kind, answer)
    return answer
  }
}
