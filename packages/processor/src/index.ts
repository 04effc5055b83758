export type { PointValue } from './aggregation/cells.ts'
export type { MetricsBufferOptions } from './buffer/buffer-options.ts'
export type { ExemplarFilter } from './buffer/exemplar-sampler.ts'
export type { BufferedCounter, BufferedGauge, BufferedHistogram, BufferedUpDownCounter } from './buffer/instruments.ts'
export type { BufferedMeter } from './buffer/meter.ts'
export { MetricsBuffer } from './buffer/metrics-buffer.ts'
export type { UnixMicros } from './core/clock.ts'
export type {
  AdapterStats,
  AttachedReader,
  DeliverOptions,
  ExporterAdapter,
  FlushOptions,
  LossReason,
} from './pipeline/exporter-adapter.ts'
export type { MetricFilter } from './pipeline/metric-filter.ts'
export {
  addAttributes,
  dropAttributes,
  dropMetrics,
  keepAttributes,
  keepMetrics,
  type MetricNames,
  type MetricProcessor,
  type ProcessedMetric,
  renameMetrics,
} from './pipeline/metric-processor.ts'
export { BufferingMetricReader } from './reader/buffering-metric-reader.ts'
export type { BufferingMetricReaderOptions } from './reader/reader-options.ts'
export type { ReaderStats } from './reader/reader-stats.ts'
export type { AttributeLimits } from './series/attribute-check.ts'
export type { CardinalityLimits } from './series/cardinality.ts'
export type { CumulativeView } from './series/cumulative-view.ts'
export type { Exemplar } from './series/exemplar.ts'
export { Fold } from './series/fold.ts'
export type { Generation, Window } from './series/generation.ts'
export { report } from './series/report.ts'
export type { Series } from './series/series.ts'
export type { InstrumentationScope, Stream } from './series/stream.ts'
export type { StreamPoints } from './series/stream-points.ts'
export { UserCode } from './series/user-code.ts'
