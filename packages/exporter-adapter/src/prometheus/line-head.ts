import { isClassicMetricName } from './escaping.ts'
import { quotedMetricName } from './quoted-names.ts'
import { copyBytes, SLACK_BYTES, viewOf } from './text-body.ts'

/** What a line begins with: before labels, and where there are none. */
export interface LineHead {
  readonly open: Buffer
  readonly openView: DataView
  readonly bare: Buffer
}

export function headOf(name: string): LineHead {
  const isClassic = isClassicMetricName(name)
  const quoted = quotedMetricName(name)
  const open = isClassic ? `${name}{` : `{${quoted},`
  const bare = isClassic ? `${name} ` : `{${quoted}} `
  return { open: Buffer.from(open), openView: slackened(open), bare: Buffer.from(bare) }
}

/** Bytes that {@link copyBytes} may read beyond the end of. */
export function slackened(text: string): DataView {
  return viewOf(Buffer.concat([Buffer.from(text), Buffer.alloc(SLACK_BYTES)]))
}

export function withoutSlack({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength - SLACK_BYTES)
}
