import type { Attributes } from '@opentelemetry/api'
import { commentsOf } from './comments.ts'
import type { Conflicts } from './conflicts.ts'
import type { EndpointNames } from './endpoint-options.ts'
import { labelText } from './label-blocks.ts'
import type { Label, Labels } from './labels.ts'
import type { Negotiated } from './negotiation.ts'
import { ProtobufWriter } from './protobuf-writer.ts'
import { quotedLabelName } from './quoted-names.ts'
import type { TextBody } from './text-body.ts'

type Format = Negotiated['format']

const CONFLICTS = 'sluice_scrape_conflicts'

/**
 * The resource as labels of an info metric (OTel spec, compatibility, "Resource Attributes").
 *
 * @returns names that no other family may have
 */
export function writeTargetInfo(
  body: TextBody,
  format: Format,
  resource: Attributes,
  labels: Labels,
  { targetInfo }: EndpointNames,
): readonly string[] {
  const pairs = labels.of(resource)
  if (!targetInfo || pairs.length === 0) return [CONFLICTS]
  const isOpenMetrics = format === 'openmetrics'
  const name = isOpenMetrics ? 'target' : 'target_info'
  write(body, format, { name, type: isOpenMetrics ? 'info' : 'gauge', help: 'Target metadata' }, 'target_info', [
    { pairs, value: 1 },
  ])
  return [CONFLICTS, 'target_info', ...(isOpenMetrics ? ['target'] : [])]
}

/** What could not be exposed as it is; nothing while there is nothing of that kind. */
export function writeConflicts(body: TextBody, format: Format, conflicts: Conflicts): void {
  const counts = {
    metric_dropped: conflicts.droppedMetrics,
    series_dropped: conflicts.droppedSeries,
    series_merged: conflicts.mergedSeries,
  }
  const samples = Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([kind, value]) => ({ pairs: [['kind', kind] as const], value }))
  if (samples.length === 0) return
  const help = 'Metrics and series that this endpoint could not expose as they are, as their names or labels meet'
  write(body, format, { name: CONFLICTS, type: 'gauge', help }, CONFLICTS, samples)
}

function write(
  body: TextBody,
  format: Format,
  { name, type, help }: { readonly name: string; readonly type: string; readonly help: string },
  sampleName: string,
  samples: readonly { readonly pairs: readonly Label[]; readonly value: number }[],
): void {
  if (format === 'protobuf') {
    const writer = new ProtobufWriter()
    writer.begin(name, help, undefined, 'gauge')
    for (const { pairs, value } of samples) writer.gauge(pairs, value)
    for (const piece of writer.end()) body.adopt(piece)
    return
  }
  body.text(commentsOf({ name, type, help, unit: '' }, format === 'openmetrics'))
  for (const { pairs, value } of samples) body.text(`${sampleName}{${labelText(pairs, quotedLabelName)}} ${value}\n`)
}
