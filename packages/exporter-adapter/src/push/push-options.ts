import type { PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { LONGEST_TIMER_MILLIS } from '../settles-within.ts'
import { classNameOf, shown } from '../shown.ts'
import type { RetryOptions } from './retry.ts'

/** Options of a {@link PushExporterAdapter}. */
export interface PushExporterAdapterOptions {
  /**
   * For stats, logs and errors, and for finding what an earlier process has left in the spool. Default: the exporter's class
   * name. To be given where two exporters of one class spool to one folder.
   */
  readonly name?: string
  /** Milliseconds between two exports. Default: the reader's, which turns at the shortest interval of its adapters. */
  readonly exportIntervalMillis?: number
  /** How long to wait for one export, in ms. Default: the reader's, or the interval where that is shorter. */
  readonly exportTimeoutMillis?: number
  /** Most data points of one Export call. Default 8192. */
  readonly maxExportBatchSize?: number
  /** How long to wait after failures, with full jitter; the next delivery after that tries again. */
  readonly retry?: RetryOptions
  /**
   * Where to keep what is undelivered, so that it outlives the process: a folder of this machine, made if it is missing,
   * which other processes and adapters may share. What one leaves behind is sent by the next one of the same `name`, so within
   * a process no two share both: registering the second throws. Default: memory only.
   */
  readonly spoolDirectory?: string
  /**
   * Most bytes that this adapter may have on disk, with what it has found there and not sent yet. What would exceed it is held
   * in memory alone, and `stats()` has a `spoolError`. Default 268,435,456 (256 MiB).
   */
  readonly spoolMaxBytes?: number
}

/** @throws TypeError or RangeError that names the option and the value */
export function checkOptions(exporter: PushMetricExporter, options: PushExporterAdapterOptions): void {
  if (typeof exporter?.export !== 'function' || typeof exporter.shutdown !== 'function') {
    const hint = isPullReader(exporter) ? '; it is a pull reader: use new PullExporterAdapter(reader)' : ''
    throw new TypeError(`PushExporterAdapter: exporter must be a PushMetricExporter, got ${nameOf(exporter)}${hint}`)
  }
  const { spoolDirectory } = options
  if (spoolDirectory !== undefined && (typeof spoolDirectory !== 'string' || spoolDirectory === '')) {
    throw new TypeError(
      `PushExporterAdapter: spoolDirectory must be the path of a folder, got ${shown(spoolDirectory)}`,
    )
  }
  checkNumber('exportIntervalMillis', options.exportIntervalMillis, LONGEST_TIMER_MILLIS)
  checkNumber('exportTimeoutMillis', options.exportTimeoutMillis, LONGEST_TIMER_MILLIS)
  checkNumber('maxExportBatchSize', options.maxExportBatchSize, Number.MAX_SAFE_INTEGER)
  checkNumber('spoolMaxBytes', options.spoolMaxBytes, Number.MAX_SAFE_INTEGER)
  checkRetry(options.retry)
  checkWhole('maxExportBatchSize', options.maxExportBatchSize)
  checkWhole('spoolMaxBytes', options.spoolMaxBytes)
  const { exportIntervalMillis, exportTimeoutMillis } = options
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

function checkRetry(retry: RetryOptions | undefined): void {
  if (retry === undefined) return
  if (typeof retry !== 'object' || retry === null) {
    throw new TypeError(`PushExporterAdapter: retry must be an object, got ${shown(retry)}`)
  }
  const { initialBackoffMillis, maxBackoffMillis } = retry
  checkNumber('retry.initialBackoffMillis', initialBackoffMillis, LONGEST_TIMER_MILLIS)
  checkNumber('retry.maxBackoffMillis', maxBackoffMillis, LONGEST_TIMER_MILLIS)
  if (initialBackoffMillis !== undefined && maxBackoffMillis !== undefined && initialBackoffMillis > maxBackoffMillis) {
    throw new RangeError(
      `PushExporterAdapter: retry.initialBackoffMillis (${initialBackoffMillis}) must not exceed retry.maxBackoffMillis (${maxBackoffMillis})`,
    )
  }
}

function checkNumber(option: string, value: number | undefined, most: number): void {
  if (value === undefined) return
  if (typeof value !== 'number')
    throw new TypeError(`PushExporterAdapter: ${option} must be a number, got ${shown(value)}`)
  if (!(value > 0 && value <= most)) {
    throw new RangeError(`PushExporterAdapter: ${option} must be greater than 0 and at most ${most}, got ${value}`)
  }
}

function checkWhole(option: string, value: number | undefined): void {
  if (value !== undefined && !Number.isInteger(value)) {
    throw new RangeError(`PushExporterAdapter: ${option} must be a whole number, got ${value}`)
  }
}

function isPullReader(value: unknown): boolean {
  return typeof (value as { setMetricProducer?: unknown } | undefined)?.setMetricProducer === 'function'
}

function nameOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? classNameOf(value, 'an object without a class') : shown(value)
}
