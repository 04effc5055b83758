import type { PushMetricExporter } from '@opentelemetry/sdk-metrics'

/** Options of a {@link PushExporterAdapter}. */
export interface PushExporterAdapterOptions {
  /** For stats, logs and errors. Default: the exporter's class name. */
  readonly name?: string
  /** Milliseconds between two exports. Default: the reader's, which turns at the shortest interval of its adapters. */
  readonly exportIntervalMillis?: number
  /** How long to wait for one export, in ms. Default: the reader's, or the interval where that is shorter. */
  readonly exportTimeoutMillis?: number
  /** Most data points of one Export call. Default 8192. */
  readonly maxExportBatchSize?: number
}

/** @throws TypeError or RangeError that names the option and the value */
export function checkOptions(exporter: PushMetricExporter, options: PushExporterAdapterOptions): void {
  if (typeof exporter?.export !== 'function' || typeof exporter.shutdown !== 'function') {
    const hint = isPullReader(exporter) ? '; it is a pull reader: use new PullExporterAdapter(reader)' : ''
    throw new TypeError(`PushExporterAdapter: exporter must be a PushMetricExporter, got ${nameOf(exporter)}${hint}`)
  }
  checkNumber('exportIntervalMillis', options.exportIntervalMillis, LONGEST_MILLIS)
  checkNumber('exportTimeoutMillis', options.exportTimeoutMillis, LONGEST_MILLIS)
  checkNumber('maxExportBatchSize', options.maxExportBatchSize, Number.MAX_SAFE_INTEGER)
  const { exportIntervalMillis, exportTimeoutMillis, maxExportBatchSize } = options
  if (maxExportBatchSize !== undefined && !Number.isInteger(maxExportBatchSize)) {
    throw new RangeError(`PushExporterAdapter: maxExportBatchSize must be a whole number, got ${maxExportBatchSize}`)
  }
  if (
    exportIntervalMillis !== undefined &&
    exportTimeoutMillis !== undefined &&
    exportTimeoutMillis > exportIntervalMillis
  ) {
    throw new RangeError(
      `PushExporterAdapter: exportTimeoutMillis (${exportTimeoutMillis}) must not exceed exportIntervalMillis (${exportIntervalMillis})`,
    )
  }
}

/** The longest time a Node.js timer can wait; beyond it, timers fire at once. */
const LONGEST_MILLIS = 2 ** 31 - 1

function checkNumber(option: string, value: number | undefined, most: number): void {
  if (value === undefined) return
  if (typeof value !== 'number')
    throw new TypeError(`PushExporterAdapter: ${option} must be a number, got ${String(value)}`)
  if (!(value > 0 && value <= most)) {
    throw new RangeError(`PushExporterAdapter: ${option} must be greater than 0 and at most ${most}, got ${value}`)
  }
}

function isPullReader(value: unknown): boolean {
  return typeof (value as { setMetricProducer?: unknown } | undefined)?.setMetricProducer === 'function'
}

function nameOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name : String(value)
}
