export type { Fault, Refusal } from './fault.ts'
export { Ledger, type Tally } from './ledger.ts'
export type {
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  NumberPoint,
  PlainAttributes,
  PlainValue,
  Protocol,
  ReceivedMetric,
  ReceivedScope,
  TakenBatch,
  Temporality,
} from './received-metric.ts'
export { type OtlpReceiver, type OtlpReceiverOptions, startOtlpReceiver } from './receiver.ts'
export type { ReceiverCommand, ReceiverMessage, ReceiverReport } from './receiver-messages.ts'
