import type {
  Counter,
  Gauge,
  Histogram,
  Meter,
  MeterProvider,
  ObservableCounter,
  UpDownCounter,
} from '@opentelemetry/api'
import {
  type BufferedCounter,
  type BufferedGauge,
  type BufferedHistogram,
  type BufferedMeter,
  type BufferedUpDownCounter,
  type BufferingMetricReader,
  MetricsBuffer,
  type MetricsBufferOptions,
} from '@otel-sluice/processor'
import { expectTypeOf, test } from 'vitest'

interface Route {
  readonly [name: string]: string
  readonly route: string
}

test('a buffer is a MeterProvider, and a reader has one', () => {
  expectTypeOf<MetricsBuffer>().toExtend<MeterProvider>()
  expectTypeOf<BufferingMetricReader['buffer']>().toEqualTypeOf<MetricsBuffer>()
  expectTypeOf(new MetricsBuffer().getMeter('test')).toEqualTypeOf<BufferedMeter>()
  expectTypeOf<BufferedMeter>().toExtend<Meter>()
})

test('the synchronous instruments are those of the API, and can be bound', () => {
  const meter = new MetricsBuffer().getMeter('test')
  expectTypeOf(meter.createCounter('a')).toExtend<Counter>()
  expectTypeOf(meter.createUpDownCounter('b')).toExtend<UpDownCounter>()
  expectTypeOf(meter.createGauge('c')).toExtend<Gauge>()
  expectTypeOf(meter.createHistogram('d')).toExtend<Histogram>()
  expectTypeOf(meter.createCounter('a').bind({ a: 1 })).toEqualTypeOf<BufferedCounter>()
  expectTypeOf(meter.createUpDownCounter('b').bind({ a: 1 })).toEqualTypeOf<BufferedUpDownCounter>()
  expectTypeOf(meter.createGauge('c').bind({ a: 1 })).toEqualTypeOf<BufferedGauge>()
  expectTypeOf(meter.createHistogram('d').bind({ a: 1 })).toEqualTypeOf<BufferedHistogram>()
})

test('attributes are those that the instrument was made with', () => {
  const counter = new MetricsBuffer().getMeter('test').createCounter<Route>('requests')
  expectTypeOf(counter.bind).parameter(0).toEqualTypeOf<Route>()
  expectTypeOf(counter.add).parameter(1).toEqualTypeOf<Route | undefined>()
  // @ts-expect-error: a route is needed
  counter.bind({ method: 'GET' })
})

test('observable instruments are those of the API', () => {
  const meter = new MetricsBuffer().getMeter('test')
  expectTypeOf(meter.createObservableCounter<Route>('a')).toEqualTypeOf<ObservableCounter<Route>>()
  // @ts-expect-error: they cannot be bound
  void meter.createObservableGauge('b').bind
})

test('options are optional', () => {
  expectTypeOf<ConstructorParameters<typeof MetricsBuffer>>().branded.toEqualTypeOf<[options?: MetricsBufferOptions]>()
})
