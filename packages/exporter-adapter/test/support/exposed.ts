import { AggregationTemporality, AggregationType, MeterProvider } from '@opentelemetry/sdk-metrics'
import type { AdapterStats, AttachedReader, ExporterAdapter } from '@otel-sluice/processor'
import { BufferingMetricReader, type MetricsBuffer } from '@otel-sluice/processor'
import { DeliveryCounts } from '../../src/delivery-counts.ts'
import { Conflicts } from '../../src/prometheus/conflicts.ts'
import type { Escaping } from '../../src/prometheus/escaping.ts'
import { Exposition } from '../../src/prometheus/exposition.ts'
import type { TranslationStrategy } from '../../src/prometheus/names.ts'
import { ChunkPool, TextBody } from '../../src/prometheus/text-body.ts'
import { TextWriter } from '../../src/prometheus/text-writer.ts'

/** Does nothing but to have everything gathered as cumulative. */
class Onlooker implements ExporterAdapter {
  readonly name = 'onlooker'
  reader: AttachedReader | undefined
  selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE
  }
  selectAggregation() {
    return { type: AggregationType.DEFAULT } as const
  }
  attach(reader: AttachedReader): void {
    this.reader = reader
  }
  absorb(): void {}
  async shutdown(): Promise<void> {}
  stats(): AdapterStats {
    return new DeliveryCounts().stats({ points: 0, parcels: 0 })
  }
}

interface Wanted {
  readonly strategy?: TranslationStrategy
  readonly escaping?: Escaping
  readonly isOpenMetrics?: boolean
  readonly prefix?: string
  readonly scopeInfo?: boolean
}

/** A pipeline whose view can be looked at as text, without a server. */
export function exposed(buffer?: MetricsBuffer, options: { readonly staleAfterMillis?: number } = {}) {
  const onlooker = new Onlooker()
  const reader = new BufferingMetricReader({ adapters: [onlooker], ...(buffer && { buffer }), ...options })
  const provider = new MeterProvider({ readers: [reader] })
  const pool = new ChunkPool()
  /** Renders again and again, with what it keeps from one time to the next. */
  const renderer = ({
    strategy = 'UnderscoreEscapingWithSuffixes',
    escaping = 'underscores',
    isOpenMetrics = false,
    prefix = '',
    scopeInfo = true,
  }: Wanted = {}) => {
    const conflicts = new Conflicts('test', new Set())
    const exposition = new Exposition(
      { strategy, escaping, isOpenMetrics, prefix, scopeInfo, constantLabels: () => ({}) },
      conflicts,
    )
    const text = async (): Promise<string> => {
      const body = new TextBody(pool)
      await exposition.write(new TextWriter(body, isOpenMetrics, exposition.labels, conflicts), onlooker.reader!, [])
      const whole = Buffer.concat(body.parts()).toString()
      body.release()
      return isOpenMetrics ? `${whole}# EOF\n` : whole
    }
    return { text, conflicts, exposition }
  }
  const text = async (wanted?: Wanted): Promise<string> => {
    await reader.flush()
    return renderer(wanted).text()
  }
  return {
    reader,
    provider,
    meter: reader.buffer.getMeter('test'),
    renderer,
    text,
    view: () => onlooker.reader!.cumulative,
  }
}
