import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { Cells, PointValue } from '../aggregation/cells.ts'
import type { Generation } from './generation.ts'
import type { ScalarSeries } from './series.ts'

/** The cells of one generation that are one number each and lie in their series. See {@link ScalarSeries}. */
export class ScalarCells implements Cells {
  readonly #generation: Generation

  constructor(generation: Generation) {
    this.#generation = generation
  }

  reset(series: ScalarSeries): void {
    series.previous = series.value
    series.value = 0
  }

  /** Only in the hot generation, and after the series was touched in it. */
  add(series: ScalarSeries, value: PointValue): void {
    if (series.stream.aggregation.type === DataPointType.SUM) series.value += value as number
    else series.value = value as number
  }

  merge(series: ScalarSeries, from: Cells, of: ScalarSeries): void {
    this.add(series, from.valueOf(of))
  }

  valueOf(series: ScalarSeries): number {
    return series.lastGeneration === this.#generation.number ? series.value : series.previous
  }
}
