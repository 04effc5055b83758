import { AggregationTemporality, AggregationType } from '@opentelemetry/sdk-metrics'
import { Fold } from '@otel-sluice/processor'
import { MetricDataBuilder } from '../../packages/exporter-adapter/dist/metric-data.js'

const BATCH = 8192

/** The least an adapter can do: fold, make data points, hand them over, forget them. */
export class PlainAdapter {
  name = 'plain'
  #exporter
  #reader
  #open = new Fold()

  constructor(exporter) {
    this.#exporter = exporter
  }

  selectAggregationTemporality() {
    return AggregationTemporality.DELTA
  }

  selectAggregation() {
    return { type: AggregationType.DEFAULT }
  }

  attach(reader) {
    this.#reader = reader
  }

  absorb(series, generation) {
    this.#open.absorb(series, generation)
  }

  async deliver() {
    const streams = await this.#reader.betweenTurns(() => this.#open.takeInSlices(this.#reader.inSlices))
    for (const points of streams) {
      for (let from = 0; from < points.size; from += BATCH) {
        const builder = new MetricDataBuilder()
        await this.#reader.inSlices(Math.min(BATCH, points.size - from), (i) =>
          builder.add(points, from + i, AggregationTemporality.DELTA),
        )
        await new Promise((done) => this.#exporter.export(builder.build(this.#reader.resource), done))
      }
    }
  }

  async shutdown() {}

  stats() {
    return { lostPoints: {} }
  }
}

/** Takes the series it is given, and does nothing. */
export class NothingAdapter extends PlainAdapter {
  absorb() {}
  async deliver() {}
}
