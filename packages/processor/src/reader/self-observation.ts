import type { Attributes } from '@opentelemetry/api'
import type { BufferedHistogram } from '../buffer/instruments.ts'
import type { BufferedMeter } from '../buffer/meter.ts'
import type { MetricsBuffer } from '../buffer/metrics-buffer.ts'
import { BufferedObservable } from '../buffer/observables.ts'
import type { AdapterStats } from '../pipeline/exporter-adapter.ts'
import type { GuardedAdapter } from '../pipeline/guarded-adapter.ts'

/** How many durations wait for a turn that has something else in it; only what goes on in idle turns gets that far. */
const MOST_WAITING = 1_000

/** One row of the table of metrics: what is read of an adapter's stats, by attributes beside those of the adapter. */
interface Reading {
  readonly observable: BufferedObservable
  readonly read: (stats: AdapterStats) => readonly (readonly [value: number | undefined, attributes?: Attributes])[]
}

interface Duration {
  readonly histogram: BufferedHistogram
  readonly seconds: number
  readonly attributes: Attributes
}

/**
 * What the pipeline tells of itself, recorded into its own buffer under the scope `@otel-sluice/processor`: the names of the
 * semantic conventions for SDK metrics where there are some, `sluice.*` for the rest.
 *
 * INVARIANT: it goes only into generations that have something else in them, at the moment they are cut. A pipeline that is
 * idle stays so: to observe an export causes no other one. For the same reason all but durations is asynchronous, since a
 * cumulative synchronous series is exported for ever.
 */
export class SelfObservation {
  readonly #buffer: MetricsBuffer
  readonly #adapters: readonly { readonly adapter: GuardedAdapter; readonly attributes: Attributes }[]
  readonly #readings: readonly Reading[]
  readonly #longestSlice: BufferedObservable
  readonly #operation: BufferedHistogram
  readonly #turn: BufferedHistogram
  readonly #longestSliceMillis: () => number
  #waiting: Duration[] = []

  constructor(buffer: MetricsBuffer, adapters: readonly GuardedAdapter[], longestSliceMillis: () => number) {
    const meter = buffer.getMeter('@otel-sluice/processor')
    this.#buffer = buffer
    this.#longestSliceMillis = longestSliceMillis
    this.#adapters = adapters.map((adapter, i) => ({ adapter, attributes: componentOf(adapter, i, adapters) }))
    this.#readings = readingsOf(meter)
    this.#longestSlice = observable(
      meter.createObservableGauge('sluice.slice.longest', {
        unit: 's',
        description: 'The longest time that work of the pipeline itself has held the event loop since the start.',
      }),
    )
    // The conventions want no boundaries here.
    this.#operation = meter.createHistogram('otel.sdk.exporter.operation.duration', {
      unit: 's',
      description: 'The duration of exporting a batch of telemetry records.',
      advice: { explicitBucketBoundaries: [] },
    })
    this.#turn = meter.createHistogram('sluice.turn.duration', {
      unit: 's',
      description: 'How long a turn took that had something to move: collect, freeze, process, drain, release.',
      advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5] },
    })
  }

  /** An Export call of an adapter is over. */
  exported(adapter: GuardedAdapter, durationMillis: number, errorType: string | undefined): void {
    const component = this.#adapters.find((each) => each.adapter === adapter)
    if (component === undefined) return
    const attributes = { ...component.attributes, ...(errorType !== undefined && { 'error.type': errorType }) }
    this.#wait({ histogram: this.#operation, seconds: durationMillis / 1000, attributes })
  }

  /** A turn that moved something is over. */
  turned(durationMillis: number): void {
    this.#wait({ histogram: this.#turn, seconds: durationMillis / 1000, attributes: {} })
  }

  /** Records everything, if there is anything else to be cut. To be called right before the cut, without an `await`. */
  record(): void {
    const isIdle = this.#buffer.generations.hot.touched.length === 0
    if (isIdle && this.#waiting.length < MOST_WAITING) return
    for (const { histogram, seconds, attributes } of this.#waiting) histogram.record(seconds, attributes)
    this.#waiting = []
    const stats = this.#adapters.map(({ adapter, attributes }) => ({ stats: adapter.stats(), attributes }))
    for (const { observable, read } of this.#readings) {
      this.#observe(
        observable,
        stats.flatMap((each) => read(each.stats).map(([value, more]) => [value, { ...each.attributes, ...more }])),
      )
    }
    this.#observe(this.#longestSlice, [[this.#longestSliceMillis() / 1000, {}]])
  }

  #wait(duration: Duration): void {
    // Full only if turns stopped coming: what is told then is the beginning.
    if (this.#waiting.length < 2 * MOST_WAITING) this.#waiting.push(duration)
  }

  #observe(into: BufferedObservable, values: readonly (readonly [number | undefined, Attributes])[]): void {
    const observations = new Map()
    for (const [value, attributes] of values) if (value !== undefined) into.observe(observations, value, attributes)
    into.record(observations, this.#buffer.generations)
  }
}

function readingsOf(meter: BufferedMeter): readonly Reading[] {
  const points = '{data_point}'
  return [
    {
      observable: observable(
        meter.createObservableUpDownCounter('otel.sdk.exporter.metric_data_point.inflight', {
          unit: points,
          description:
            'The number of metric data points which were passed to the exporter, but have not been exported yet.',
        }),
      ),
      read: ({ inFlightPoints }) => [[inFlightPoints]],
    },
    {
      observable: observable(
        meter.createObservableCounter('otel.sdk.exporter.metric_data_point.exported', {
          unit: points,
          description:
            'The number of metric data points for which the export has finished, either successful or failed.',
        }),
      ),
      read: ({ deliveredPoints, lostPoints }) => [
        [deliveredPoints],
        [lostPoints.rejected || undefined, { 'error.type': 'rejected' }],
      ],
    },
    {
      observable: observable(
        meter.createObservableUpDownCounter('sluice.points.pending', {
          unit: points,
          description: 'Data points that an adapter holds, sent or not, until they are delivered.',
        }),
      ),
      read: ({ pendingPoints }) => [[pendingPoints]],
    },
    {
      observable: observable(
        meter.createObservableCounter('sluice.points.lost', {
          unit: points,
          description: 'Data points lost, by reason.',
        }),
      ),
      read: ({ lostPoints }) =>
        Object.entries(lostPoints).map(([reason, lost]) => [lost, { 'sluice.reason': reason }] as const),
    },
    {
      observable: observable(
        meter.createObservableCounter('sluice.batches.outcome_unknown', {
          unit: '{batch}',
          description: 'Batches sent again without knowing whether they had arrived.',
        }),
      ),
      read: ({ outcomeUnknown }) => [[outcomeUnknown]],
    },
    {
      observable: observable(
        meter.createObservableUpDownCounter('sluice.spool.size', {
          unit: 'By',
          description: 'What the spool of an adapter takes on disk.',
        }),
      ),
      read: ({ spoolBytes }) => [[spoolBytes]],
    },
  ]
}

/** Those of the buffer are declared as what the OTel API calls them. */
function observable(made: unknown): BufferedObservable {
  if (made instanceof BufferedObservable) return made
  throw new TypeError('an instrument of the buffer is none of its own')
}

/**
 * `otel.component.name` is one for each adapter of a reader. The component is the adapter: an exporter may tell of itself
 * under names of its own.
 */
function componentOf(adapter: GuardedAdapter, index: number, adapters: readonly GuardedAdapter[]): Attributes {
  const isOnly = adapters.every((other) => other === adapter || other.name !== adapter.name)
  return {
    'otel.component.name': isOnly ? adapter.name : `${adapter.name}/${index}`,
    'otel.component.type': adapter.type,
  }
}
