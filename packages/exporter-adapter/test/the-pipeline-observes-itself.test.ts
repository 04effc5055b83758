import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Attributes } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InstrumentType,
  MeterProvider,
  type MetricData,
} from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter, type PushExporterAdapterOptions } from '@otel-sluice/exporter-adapter'
import { BufferingMetricReader } from '@otel-sluice/processor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import { AT_ONCE, INTERVAL, TIMEOUT } from './support/pipeline.ts'
import { ScriptedExporter } from './support/scripted-exporter.ts'

const SCOPE = '@otel-sluice/processor'
const NAME = 'shop exporter'
const COMPONENT = { 'otel.component.name': NAME, 'otel.component.type': 'PushExporterAdapter' }

/** What OTLP exporters mean by a delta preference. */
function deltaPreference(kind: InstrumentType): AggregationTemporality {
  const isUpDown = kind === InstrumentType.UP_DOWN_COUNTER || kind === InstrumentType.OBSERVABLE_UP_DOWN_COUNTER
  return isUpDown ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA
}
const delta = () => AggregationTemporality.DELTA
const cumulative = () => AggregationTemporality.CUMULATIVE

function observed(options: PushExporterAdapterOptions & { on?: boolean; temporality?: typeof deltaPreference } = {}) {
  const { on = true, temporality = cumulative, ...adapterOptions } = options
  const exporter = new ScriptedExporter(temporality)
  const adapter = new PushExporterAdapter(exporter, { name: NAME, retry: AT_ONCE, ...adapterOptions })
  const reader = new BufferingMetricReader({
    adapters: [adapter],
    exportIntervalMillis: INTERVAL,
    exportTimeoutMillis: TIMEOUT,
    selfObservation: on,
  })
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('counter')
  const ownMetrics = (call: number): readonly MetricData[] =>
    exporter.calls.at(call)!.scopeMetrics.find(({ scope }) => scope.name === SCOPE)?.metrics ?? []
  return {
    exporter,
    reader,
    counter,
    stats: () => adapter.stats(),
    interval: () => vi.advanceTimersByTimeAsync(INTERVAL),
    ownMetrics,
    /** What a call says of one metric: the value of the point with these attributes beside the component's. */
    told: (name: string, more: Attributes = {}, call = -1) => {
      const points = ownMetrics(call).find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []
      const wanted = { ...COMPONENT, ...more }
      const isWanted = ({ attributes }: DataPoint<unknown>) =>
        Object.keys(attributes).length === Object.keys(wanted).length &&
        Object.entries(wanted).every(([key, value]) => attributes[key] === value)
      return (points as DataPoint<number>[]).find(isWanted)?.value
    },
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  diagLog()
})
afterEach(() => {
  vi.useRealTimers()
})

test('off by default: nothing is recorded', async () => {
  const { counter, exporter, interval, ownMetrics } = observed({ on: false })
  for (let i = 0; i < 3; i++) {
    counter.add(1)
    await interval()
  }
  expect(exporter.calls).toHaveLength(3)
  for (const i of exporter.calls.keys()) expect(ownMetrics(i)).toEqual([])
})

test('the option must be a boolean', () => {
  const adapters = [new PushExporterAdapter(new ScriptedExporter())]
  expect(() => new BufferingMetricReader({ adapters, selfObservation: 'yes' as never })).toThrow(
    /TypeError|selfObservation must be a boolean, got/,
  )
})

test('names, units and kinds are those of the semantic conventions, and ours for the rest', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-observed-'))
  vi.useRealTimers()
  const { counter, reader, ownMetrics } = observed({ spoolDirectory: directory })
  try {
    for (let i = 0; i < 2; i++) {
      counter.add(1)
      await reader.forceFlush()
    }
    const table = ownMetrics(-1).map(({ descriptor }) => {
      const { name, unit, type } = descriptor as MetricData['descriptor'] & { type: InstrumentType }
      return `${name} ${unit} ${type}`
    })
    expect(table.toSorted()).toEqual([
      'otel.sdk.exporter.metric_data_point.exported {data_point} OBSERVABLE_COUNTER',
      'otel.sdk.exporter.metric_data_point.inflight {data_point} OBSERVABLE_UP_DOWN_COUNTER',
      'otel.sdk.exporter.operation.duration s HISTOGRAM',
      'sluice.batches.outcome_unknown {batch} OBSERVABLE_COUNTER',
      'sluice.points.lost {data_point} OBSERVABLE_COUNTER',
      'sluice.points.pending {data_point} OBSERVABLE_UP_DOWN_COUNTER',
      'sluice.slice.longest s OBSERVABLE_GAUGE',
      'sluice.spool.size By OBSERVABLE_UP_DOWN_COUNTER',
      'sluice.turn.duration s HISTOGRAM',
    ])
  } finally {
    await reader.shutdown()
    rmSync(directory, { recursive: true })
  }
})

describe('values are those of stats() at the moment of the cut', () => {
  test('exported, pending, lost and outcome unknown', async () => {
    const { counter, exporter, interval, stats, told } = observed({ temporality: delta })
    const answers = ['success', 'failPlain', 'success', 'reject', 'success'] as const
    for (const answer of answers) {
      exporter.answer = answer
      counter.add(1)
      await interval()
    }
    const before = stats()
    counter.add(1)
    await interval()
    const { deliveredPoints, lostPoints, outcomeUnknown } = before
    expect(lostPoints.rejected).toBeGreaterThan(0)
    expect(outcomeUnknown).toBe(1)
    // As delta, what every call says adds up.
    const sum = (name: string, more: Attributes) =>
      exporter.calls.reduce((total, _call, i) => total + (isResend(i) ? 0 : (told(name, more, i) ?? 0)), 0)
    const isResend = (i: number) =>
      exporter.calls.findIndex(({ scopeMetrics }) => isDeepStrictEqual(scopeMetrics, exporter.calls[i]!.scopeMetrics)) <
      i
    expect(sum('otel.sdk.exporter.metric_data_point.exported', {})).toBe(deliveredPoints)
    expect(sum('otel.sdk.exporter.metric_data_point.exported', { 'error.type': 'rejected' })).toBe(lostPoints.rejected)
    expect(sum('sluice.points.lost', { 'sluice.reason': 'rejected' })).toBe(lostPoints.rejected)
    expect(sum('sluice.batches.outcome_unknown', {})).toBe(outcomeUnknown)
    expect(sum('sluice.points.pending', {})).toBe(before.pendingPoints)
  })

  test('what is in flight and what is held, while a call is out', async () => {
    const { counter, exporter, interval, stats, told } = observed()
    exporter.answer = 'hang'
    counter.add(1)
    await interval()
    const { inFlightPoints, pendingPoints } = stats()
    expect(inFlightPoints).toBeGreaterThan(0)
    counter.add(1)
    exporter.answer = 'success'
    await interval()
    exporter.hanging[0]!.succeed()
    await vi.advanceTimersByTimeAsync(0)
    expect(exporter.calls).toHaveLength(2)
    expect(told('otel.sdk.exporter.metric_data_point.inflight', {}, 0)).toBe(0)
    expect(told('otel.sdk.exporter.metric_data_point.inflight', {}, 1)).toBe(inFlightPoints)
    expect(told('sluice.points.pending', {}, 1)).toBe(pendingPoints)
    expect(stats()).toMatchObject({ inFlightPoints: 0, pendingPoints: 0 })
  })
})

describe('the duration of an export', () => {
  const DURATION = 'otel.sdk.exporter.operation.duration'

  test('is in seconds, of a histogram without boundaries', async () => {
    const { counter, exporter, interval, told } = observed()
    exporter.answer = { afterMillis: 200 }
    counter.add(1)
    await interval()
    counter.add(1)
    await interval()
    const { count, sum, buckets } = told(DURATION) as unknown as Histogram
    expect(count).toBe(1)
    expect(sum).toBeCloseTo(0.2, 2)
    expect(buckets).toEqual({ boundaries: [], counts: [1] })
  })

  test.each([
    ['failPlain', 'unknown'],
    ['failBefore', 'undelivered'],
    ['throwBefore', 'unknown'],
    ['reject', 'rejected'],
  ] as const)('says of %s that it is %s, and nothing that the exporter said', async (answer, errorType) => {
    const { counter, exporter, interval, told } = observed()
    exporter.answer = answer
    counter.add(1)
    await interval()
    exporter.answer = 'success'
    counter.add(1)
    await interval()
    expect(told(DURATION, { 'error.type': errorType })).toMatchObject({ count: 1 })
    expect(JSON.stringify(exporter.calls.at(-1))).not.toMatch(/ECONNREFUSED|Bad Request|threw/)
  })

  test('of a call that was given up is its age by then, and counts once', async () => {
    const { counter, exporter, interval, told } = observed()
    exporter.answer = 'hang'
    counter.add(1)
    await interval()
    exporter.answer = 'success'
    for (let i = 0; i < 6; i++) await interval()
    exporter.hanging[0]!.succeed()
    counter.add(1)
    await interval()
    const { count, sum } = told(DURATION, { 'error.type': 'timeout' }) as unknown as Histogram
    expect(count).toBe(1)
    expect(sum).toBeGreaterThanOrEqual((10 * TIMEOUT) / 1000)
  })
})

describe('an idle pipeline stays idle', () => {
  test.each([
    ['delta', delta],
    ['a delta preference', deltaPreference],
  ])('as %s, after one delivery', async (_name, temporality) => {
    const { counter, exporter, interval } = observed({ temporality })
    counter.add(1)
    await interval()
    const calls = exporter.calls.length
    expect(calls).toBeGreaterThan(0)
    for (let i = 0; i < 50; i++) await interval()
    expect(exporter.calls).toHaveLength(calls)
  })

  test('before anything is recorded', async () => {
    const { exporter, interval, stats } = observed()
    for (let i = 0; i < 50; i++) await interval()
    expect(exporter.calls).toEqual([])
    expect(stats().offeredPoints).toBe(0)
  })

  test('and what was observed meanwhile is told with what comes next', async () => {
    const { counter, exporter, interval, told } = observed({ temporality: delta })
    counter.add(1)
    for (let i = 0; i < 50; i++) await interval()
    counter.add(1)
    await interval()
    expect(exporter.calls).toHaveLength(2)
    expect(told('otel.sdk.exporter.operation.duration')).toMatchObject({ count: 1 })
  })

  test('retries of an idle outage are all told, however many', async () => {
    const { counter, exporter, interval, stats, told } = observed({ temporality: delta })
    exporter.answer = 'failBefore'
    counter.add(1)
    for (let i = 0; i < 2_500; i++) await interval()
    const { attempts } = stats()
    exporter.answer = 'success'
    counter.add(1)
    await interval()
    const failed = [...exporter.calls.keys()].slice(attempts).reduce((total, call) => {
      const value = told('otel.sdk.exporter.operation.duration', { 'error.type': 'undelivered' }, call)
      return total + ((value as unknown as Histogram | undefined)?.count ?? 0)
    }, 0)
    expect(failed).toBe(attempts)
  })
})
