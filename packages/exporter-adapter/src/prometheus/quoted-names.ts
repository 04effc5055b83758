import { isClassicLabelName, isClassicMetricName } from './escaping.ts'
import { escapedLabelValue } from './label-blocks.ts'

/** As the text formats write it: in quotes where it is not classic. */
export function quotedLabelName(name: string): string {
  return isClassicLabelName(name) ? name : `"${escapedLabelValue(name)}"`
}

/** The same. */
export function quotedMetricName(name: string): string {
  return isClassicMetricName(name) ? name : `"${escapedLabelValue(name)}"`
}
