import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { Points } from '../../src/metric-data.ts'
import { encodeParcelAtOnce, type ParcelRecord } from '../../src/push/parcel-record.ts'
import { Spool } from '../../src/spool/spool.ts'
import { deadIdentity, ProcessFs } from './spool-fs.ts'

/** What lies in one slot. */
export interface LeftSlot {
  readonly slot: string
  readonly body: Uint8Array
  readonly points: number
}

let processes = 0

/** A process of before has these slots in the spool of an adapter. Later ones are younger. Returns where they lie. */
export async function leave(directory: string, name: string, ...slots: readonly LeftSlot[]): Promise<string> {
  const n = processes++
  const spool = await Spool.open({
    directory,
    name,
    fs: new ProcessFs(),
    identity: deadIdentity(n),
    now: () => Date.now() - 1_000_000 + n,
  })
  for (const { slot, body, points } of slots) await spool.write(slot, body, points)
  await spool.close()
  return spool.path
}

/** A parcel with one counter of that many series, numbered from `from` on, each of which counts 1. */
export function parcelOf(id: string, size: number, { from = 0, attributes = {} } = {}): ParcelRecord {
  const points: Points = {
    stream: {
      scope: { name: 'dead' },
      descriptor: { name: 'counter', description: '', unit: '', valueType: 0 } as Points['stream']['descriptor'],
      aggregation: { type: DataPointType.SUM, isMonotonic: true } as Points['stream']['aggregation'],
    },
    size,
    series: Array.from({ length: size }, (_, i) => ({ attributes: { series: from + i, ...attributes } })),
    valueOf: () => 1,
    startUnixMicrosOf: () => 1_700_000_000_000_000,
    endUnixMicrosOf: () => 1_700_000_001_000_000,
  }
  return { id, resource: { attributes: {}, schemaUrl: undefined }, temporality: 0, maxBatchSize: 2, streams: [points] }
}

export function sealed(record: ParcelRecord): LeftSlot {
  const points = record.streams.reduce((sum, { size }) => sum + size, 0)
  return { slot: 'sealed-1', body: encodeParcelAtOnce(record), points }
}
