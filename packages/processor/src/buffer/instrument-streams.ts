import { DataPointType, type IAttributesProcessor } from '@opentelemetry/sdk-metrics'
import type { StreamAggregation } from '../aggregation/cells.ts'
import { ExponentialHistogramCells } from '../aggregation/exponential-histogram-cells.ts'
import type { AttributeCheck } from '../series/attribute-check.ts'
import { limitOf } from '../series/cardinality.ts'
import type { InstrumentationScope, Stream } from '../series/stream.ts'
import { AttributesProcessors } from './attributes-processors.ts'
import { ExemplarRecorder } from './exemplar-recorder.ts'
import { ExemplarSampler } from './exemplar-sampler.ts'
import { type InstrumentDescriptor, isSameStream, withLongerDescription } from './instrument-descriptor.ts'
import type { MetricsBuffer } from './metrics-buffer.ts'
import { ObservedStream } from './observed-stream.ts'
import { ProcessedRecorder } from './processed-recorder.ts'
import { FanOutRecorder, type Recorder } from './recorder.ts'
import { SeriesLookup } from './series-lookup.ts'
import { seriesRecorder } from './series-recorder.ts'
import type { ResolvedAggregation } from './stream-aggregation.ts'
import type { StreamConfiguration } from './views.ts'

/** A stream of this meter, as it was first asked for. */
interface MadeStream {
  readonly stream: Stream
  readonly processors: readonly IAttributesProcessor[]
  descriptor: InstrumentDescriptor
  /** Made when it is needed, and one for all: it remembers what was seen last. */
  observed: ObservedStream | undefined
}

/** Makes the streams that the instruments of one meter record into, and what records into them. */
export class InstrumentStreams {
  readonly #scope: InstrumentationScope
  readonly #buffer: MetricsBuffer
  readonly #made: MadeStream[] = []

  constructor(scope: InstrumentationScope, buffer: MetricsBuffer) {
    this.#scope = scope
    this.#buffer = buffer
  }

  /** What records into all streams of a synchronous instrument. */
  recorderFor(instrument: InstrumentDescriptor, check: AttributeCheck): Recorder {
    const recorders = this.#streamsOf(instrument, check).map((made) => this.#recorder(made, check))
    return recorders.length === 1 ? recorders[0]! : new FanOutRecorder(recorders)
  }

  /** All streams of an observable instrument. */
  observedFor(instrument: InstrumentDescriptor, check: AttributeCheck): ObservedStream[] {
    return this.#streamsOf(instrument, check).map((made) => {
      made.observed ??= new ObservedStream(made.stream, new AttributesProcessors(made.processors, check), check)
      return made.observed
    })
  }

  #streamsOf(instrument: InstrumentDescriptor, check: AttributeCheck): MadeStream[] {
    const { settings, owner } = this.#buffer
    return settings.views
      .streamsOf(instrument, this.#scope, owner.aggregationSelector)
      .flatMap((configuration) => this.#streamFor(configuration, check) ?? [])
  }

  /** Of two instruments or views that give one stream, the first that is not dropped decides. */
  #streamFor(configuration: StreamConfiguration, { mishaps }: AttributeCheck): MadeStream | undefined {
    const aggregation = streamAggregation(configuration.aggregation)
    // Before the look for a stream of this name: what is dropped is no part of it, nor does it drop what others record there.
    if (aggregation === undefined) return undefined
    const { descriptor } = configuration
    const known = this.#made.find((made) => isSameStream(made.descriptor, descriptor))
    if (known !== undefined) {
      known.descriptor = withLongerDescription(known.descriptor, descriptor)
      known.stream.describe(known.descriptor)
      return known
    }
    const { settings, owner, streams } = this.#buffer
    const limit =
      configuration.cardinalityLimit ?? limitOf(settings.cardinalityLimits ?? owner.cardinalityLimits, descriptor.type)
    const stream = streams.stream(this.#scope, descriptor, descriptor.type, aggregation, limit)
    stream.isBuffered = true
    // Decided by the cells: a value may have a bucket in one stream of an instrument and none in another.
    for (const cells of stream.sides ?? []) {
      if (cells instanceof ExponentialHistogramCells) {
        cells.onDropped = (value) =>
          mishaps.dropped('a value must be finite to have a bucket of an exponential histogram', value)
      }
    }
    const made: MadeStream = {
      stream,
      processors: configuration.attributesProcessors,
      descriptor,
      observed: undefined,
    }
    this.#made.push(made)
    return made
  }

  #recorder({ stream, processors }: MadeStream, check: AttributeCheck): Recorder {
    const { generations, settings } = this.#buffer
    const lookup = new SeriesLookup({ generations, stream, check })
    const { exemplarFilter } = settings
    const recorder =
      exemplarFilter === 'always_off'
        ? seriesRecorder(lookup)
        : new ExemplarRecorder(lookup, new ExemplarSampler(generations, stream, exemplarFilter, check))
    if (processors.length === 0) return recorder
    return new ProcessedRecorder(recorder, new AttributesProcessors(processors, check), check)
  }
}

function streamAggregation(resolved: ResolvedAggregation): StreamAggregation | undefined {
  switch (resolved.type) {
    case 'drop':
      return undefined
    case 'sum':
      return { type: DataPointType.SUM, isMonotonic: resolved.isMonotonic }
    case 'last-value':
      return { type: DataPointType.GAUGE }
    case 'explicit': {
      const { boundaries, recordMinMax } = resolved
      return { type: DataPointType.HISTOGRAM, boundaries, recordMinMax }
    }
    case 'exponential': {
      const { maxSize, recordMinMax } = resolved
      return { type: DataPointType.EXPONENTIAL_HISTOGRAM, maxSize, recordMinMax }
    }
  }
}
