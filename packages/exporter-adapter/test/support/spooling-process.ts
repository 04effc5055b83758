import { resourceFromAttributes } from '@opentelemetry/resources'
import { type InstrumentType, MeterProvider, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { PushExporterAdapter } from '@otel-sluice/exporter-adapter'
import { type AdapterStats, BufferingMetricReader } from '@otel-sluice/processor'
import type { FileCalls } from '../../src/spool/file-calls.ts'
import { TEMPORALITIES } from './fault-matrix.ts'
import { Receiver } from './receiver.ts'
import { ScriptedExporter } from './scripted-exporter.ts'
import { deadIdentity, ProcessFs } from './spool-fs.ts'

export const INTERVAL = 10_000

export type Kind = keyof typeof TEMPORALITIES
export const KINDS: readonly Kind[] = ['delta', 'cumulative', 'mixed']

/** What is at the other end, and outlives the processes. */
export class Backend {
  readonly receiver = new Receiver()
  readonly rejected = new Receiver()
}

/** Sums and counts by instrument and series: `counter 1`, `upDown 0`, `histogram 2`. */
export type Totals = ReadonlyMap<string, number>

/** What all processes have in common. */
export interface Surroundings {
  /** Where they spool. */
  readonly directory: string
  readonly disk: FileCalls
  /** Of their adapters. */
  readonly kinds: readonly Kind[]
  /** One for each adapter. */
  readonly backends: readonly Backend[]
}

/** When a process dies in an Export call. */
export type Death = 'beforeSending' | 'afterSending'

/** One process with adapters that spool into one directory. It can die at any moment. Wants fake timers. */
export class SpoolingProcess {
  readonly instance: string
  readonly fs: ProcessFs
  readonly identity
  readonly exporters: readonly ScriptedExporter[]
  readonly reader: BufferingMetricReader
  readonly recorded = new Map<string, number>()
  /** What a `flush()` has resolved for while the disk was well, for each adapter. */
  readonly acknowledged: Totals[]
  isDead = false
  /** Numbers at the end, and whether the disk did not take what it was given then, for each adapter. */
  last: readonly AdapterStats[] = []
  dies: { readonly exporter: number; readonly when: Death } | undefined
  readonly #add: Readonly<Record<'counter' | 'upDown' | 'histogram', (value: number, series: number) => void>>

  constructor(n: number, { directory, disk, kinds, backends }: Surroundings) {
    this.instance = `process ${n}: `
    this.identity = deadIdentity(n)
    this.fs = new ProcessFs(disk)
    this.fs.onDeath = () => this.die()
    this.exporters = kinds.map(
      (kind, i) => new ScriptedExporter(TEMPORALITIES[kind], backends[i]!.receiver, backends[i]!.rejected),
    )
    this.acknowledged = kinds.map(() => new Map())
    this.reader = new BufferingMetricReader({
      adapters: this.exporters.map(
        (exporter, i) =>
          new PushExporterAdapter(this.#mortal(exporter, i), {
            name: kinds[i]!,
            maxExportBatchSize: 3,
            retry: { initialBackoffMillis: 400, maxBackoffMillis: 2 * INTERVAL },
            spoolDirectory: directory,
          }),
      ),
      exportIntervalMillis: INTERVAL,
      exportTimeoutMillis: INTERVAL / 2,
    })
    const resource = resourceFromAttributes({ 'service.instance.id': this.instance })
    const meter = new MeterProvider({ readers: [this.reader], resource }).getMeter('model')
    const counter = meter.createCounter('counter')
    const upDown = meter.createUpDownCounter('upDown')
    const histogram = meter.createHistogram('histogram')
    this.#add = {
      counter: (value, series) => counter.add(value, { series }),
      upDown: (value, series) => upDown.add(value, { series }),
      histogram: (value, series) => histogram.record(value, { series }),
    }
  }

  record(name: 'counter' | 'upDown' | 'histogram', value: number, series: number): void {
    this.#add[name](value, series)
    const key = `${name} ${series}`
    this.recorded.set(key, (this.recorded.get(key) ?? 0) + (name === 'histogram' ? 1 : value))
  }

  async flush(): Promise<void> {
    const before = new Map(this.recorded)
    await this.reader.flush()
    if (!this.isDead) this.acknowledge(before)
  }

  /** By every adapter whose disk is well, up to these totals. Of two turns the later has the higher ones. */
  acknowledge(totals: Totals): void {
    this.stats().forEach(({ spoolError }, i) => {
      if (spoolError === undefined) this.acknowledged[i] = totals
    })
  }

  stats(): readonly AdapterStats[] {
    return this.isDead ? this.last : this.reader.stats().adapters.map(({ stats }) => stats)
  }

  /** As SIGKILL would: from now on nothing of it has any effect. Timers are the test's to clear. */
  die(): void {
    this.last = this.stats()
    this.isDead = true
    this.fs.isDead = true
  }

  #mortal(exporter: ScriptedExporter, i: number): PushMetricExporter {
    return {
      selectAggregationTemporality: (kind: InstrumentType) => exporter.selectAggregationTemporality(kind),
      export: (metrics, done) => {
        if (!this.isDead && this.dies?.exporter === i) {
          if (this.dies.when === 'afterSending') exporter.receiver.take(metrics)
          this.die()
        }
        if (this.isDead) return
        return exporter.export(metrics, (result) => {
          if (!this.isDead) done(result)
        })
      },
      forceFlush: async () => {},
      shutdown: async () => {},
    }
  }
}
